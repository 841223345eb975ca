//! How a sign-up ends, as its receipt tells it: in place by the stream, and anew by the page.

use std::time::Duration;

use cadastro::{
    queue::State,
    text::{Locale, Text},
};

use super::Events;
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    page,
    smtp::{Do, SmtpServer, Step},
    visitor::Visitor,
};

/// What the letter may come to, and the sentences of the end that follows.
pub const ENDINGS: [(State, &str); 3] = [
    (State::Completed, "receipt.done"),
    (State::Discarded, "receipt.failed"),
    (State::Cancelled, "receipt.cancelled"),
];

/// cadastro, where each letter comes to the same end.
pub struct Ending {
    pub app: TestApp,
    letter: State,
    _server: SmtpServer,
    _database: TestDatabase,
}

impl Ending {
    pub async fn of(letter: State) -> Self {
        let server = SmtpServer::start().await;
        if letter == State::Discarded {
            server.always(Step::Rcpt, Do::Reply("550 5.1.1 No such user"));
        }
        let database = TestDatabase::sqlite();
        let app = TestApp::builder(&database)
            .set("SMTP_URL", server.url())
            .start()
            .await;
        Ending {
            app,
            letter,
            _server: server,
            _database: database,
        }
    }

    /// Brings both tasks of a receipt to a good end, and its letter to its own.
    pub async fn reach(&self, receipt: &str) {
        for kind in ["simple_task", "parameter_task"] {
            self.app.job_reaches(receipt, kind, State::Executing).await;
        }
        if self.letter == State::Cancelled {
            let letter = self
                .app
                .job_reaches(receipt, "welcome_email", State::Scheduled);
            let cancelled = self.app.scheduler.cancel(letter.await.id).await;
            cancelled.expect("an answer").expect("a letter that waits");
        }
        self.app.advance(Duration::from_secs(10));
        let ends = [State::Completed, self.letter];
        self.app.receipt_reaches(receipt, &ends).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_tells_how_it_all_ended_the_same_by_its_stream_and_its_page() {
    let text = Text::new().expect("the templates agree");
    for (letter, key) in ENDINGS {
        let ending = Ending::of(letter).await;
        for locale in Locale::ALL {
            let visitor = Visitor::new(&ending.app).speaking(locale.tag());
            let receipt = visitor.sign_up(&format!("maria-{locale}")).await;
            let path = format!("/signup/{receipt}");
            let page = visitor.get(&path).await.with_status(200);
            assert_eq!(page.with_class("finale").count(), 0, "it still runs");
            let mut events = Events::of(&visitor, &format!("{path}/events")).await;

            ending.reach(&receipt).await;
            let page = visitor.get(&path).await.with_status(200);
            let told = page.with_class("finale").next().expect("the end").text();
            for key in [key.to_owned(), format!("{key}_text")] {
                let sentence = text.sentence(locale, &key, &[]);
                assert!(told.contains(&sentence), "no `{sentence}` in {told}");
            }
            let streamed = loop {
                match events.next().await.expect("the end") {
                    (name, html) if name == "end" => break html,
                    _ => {}
                }
            };
            assert_eq!(page::parse(&streamed)[0].text(), told);
        }
    }
}
