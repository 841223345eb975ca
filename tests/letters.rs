//! The letters that a sign-up sends: what they say, when they leave, and what becomes of them in trouble.

mod breaker;
mod crowd;
mod delivery;
mod doubt;
mod faults;
mod silence;
mod taken;
mod welcome;

use std::{collections::BTreeMap, time::Duration};

use cadastro::{
    queue::State,
    store::{AttemptRow, JobRow},
    text::Locale,
};
use reqwest::{Client, StatusCode, header, redirect::Policy};

use crate::support::{
    app::{TestApp, TestAppBuilder},
    database::TestDatabase,
    smtp::{Letter, SmtpServer},
};

const PASSWORD: &str = "tulipa janela quarenta";

/// From the sign-up to the letter.
const DELAY: Duration = Duration::from_secs(10);

/// Longer than the wait after a first failure, however it is jittered.
const BACK_OFF: Duration = Duration::from_secs(7);

/// The time that a letter which was called back has left.
const STOP: Duration = Duration::from_secs(5);

/// What is on record of the first letter, called back as soon as it left and cut off after that.
const CALLED_BACK: &str =
    "still at work 5s after it was asked to stop; cancelled by an operator at 2026-11-22T12:00:10Z";

/// cadastro, a visitor, and the mail server between them.
struct Post {
    app: TestApp,
    server: SmtpServer,
    database: TestDatabase,
}

impl Post {
    async fn start() -> Self {
        Self::at(SmtpServer::start().await, |settings| settings).await
    }

    /// Before this mail server, with these settings.
    async fn at(
        server: SmtpServer,
        settings: impl FnOnce(TestAppBuilder) -> TestAppBuilder,
    ) -> Self {
        let database = TestDatabase::sqlite();
        // The tasks are over at once: what is waited for here are letters.
        let app = TestApp::builder(&database)
            .set("SMTP_URL", server.url())
            .set("CADASTRO_SIMPLE_TASK", "0s")
            .set("CADASTRO_PARAMETER_TASK", "0s");
        Post {
            app: settings(app).start().await,
            server,
            database,
        }
    }

    /// Fills the form in as a visitor of this name, and gives the receipt.
    async fn sign_up(&self, name: &str) -> String {
        let email = format!("{name}@example.com");
        sign_up(&self.app.url, name, &email, Locale::PtBr).await
    }

    /// Waits until a receipt's letter is in this state.
    async fn letter_is(&self, receipt: &str, state: State) -> JobRow {
        self.app.job_reaches(receipt, "welcome_email", state).await
    }

    /// Waits until everything that a sign-up began is done.
    async fn all_done(&self, receipt: &str) -> Vec<JobRow> {
        self.app.receipt_reaches(receipt, &[State::Completed]).await
    }

    async fn attempts(&self, job: &JobRow) -> Vec<AttemptRow> {
        let attempts = self.app.store.attempts(job.id).await;
        attempts.expect("the database answers")
    }

    /// What the newest attempt left on record.
    async fn error(&self, job: &JobRow) -> String {
        let last = self.attempts(job).await.pop().expect("an attempt");
        last.error.expect("an error")
    }

    /// Closes the connection that waits for the next letter.
    async fn hang_up(&mut self) {
        self.server.stop().await;
        self.server.start_again().await;
    }

    /// `cadastro_emails_total` of the welcome letter, by the results that came about.
    fn counted(&self) -> BTreeMap<String, u32> {
        let metrics = self.app.metrics.render(false);
        let lines = metrics.lines().filter_map(|line| {
            let line =
                line.strip_prefix("cadastro_emails_total{kind=\"welcome_email\",result=\"")?;
            let (result, count) = line.split_once("\"} ")?;
            Some((result.to_owned(), count.parse().expect("a count")))
        });
        lines.filter(|(_, count)| *count > 0).collect()
    }
}

/// Fills the form in, and gives the receipt.
async fn sign_up(url: &str, username: &str, email: &str, locale: Locale) -> String {
    let answer = submit(url, username, email, locale).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{username}");
    let location = answer.headers()[header::LOCATION].to_str();
    let receipt = location.ok().and_then(|path| path.strip_prefix("/signup/"));
    receipt.expect("the way to the receipt").to_owned()
}

async fn submit(url: &str, username: &str, email: &str, locale: Locale) -> reqwest::Response {
    let form = [
        ("username", username),
        ("email", email),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ];
    let browser = Client::builder().redirect(Policy::none()).build();
    let request = browser
        .expect("a client")
        .post(format!("{url}/signup"))
        .header(header::ACCEPT_LANGUAGE, locale.tag())
        .form(&form);
    request.send().await.expect("an answer")
}

/// The text part as its reader sees it.
fn text(letter: &Letter) -> String {
    let read = letter.read();
    let text = read.body_text(0).expect("a text part");
    text.replace("\r\n", "\n")
}

/// The HTML part as its reader's mail program sees it.
fn html(letter: &Letter) -> String {
    let read = letter.read();
    let html = read.body_html(0).expect("an HTML part");
    html.replace("\r\n", "\n")
}

/// Holds both parts against their snapshots, which show them as their readers see them.
fn assert_reads(letter: &Letter, name: &str, locale: Locale) {
    for (part, content) in [("text", text(letter)), ("html", html(letter))] {
        insta::with_settings!({
            snapshot_path => "snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(format!("{name}.{locale}.{part}"), content);
        });
    }
}
