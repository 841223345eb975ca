//! Signing up in a browser: from the form to a receipt whose jobs have all ended.

mod crowd;
pub mod endings;
mod fields;
mod hostile;
mod languages;
mod privacy;
mod refresh;
mod seats;
mod twice;
mod watchers;

use std::time::Duration;

use cadastro::{
    account::Token,
    queue::State,
    store::{JobFilter, JobRow},
};
use reqwest::Method;

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    page,
    visitor::{Visitor, receipt_of},
};

/// Every job there is, whoever asked for it.
async fn all_jobs(app: &TestApp) -> Vec<JobRow> {
    let jobs = app.store.jobs(&JobFilter::default(), None, 1000).await;
    jobs.expect("the database answers")
}

/// The names of all users, the newest first.
async fn users(app: &TestApp) -> Vec<String> {
    let users = app
        .store
        .users(None, 1000)
        .await
        .expect("the database answers");
    users.into_iter().map(|user| user.username).collect()
}

/// A stream of server-sent events.
struct Events {
    answer: reqwest::Response,
    received: String,
}

impl Events {
    async fn of(visitor: &Visitor, path: &str) -> Self {
        let answer = visitor.request(Method::GET, path).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Events {
            answer,
            received: String::new(),
        }
    }

    /// The next event's name and data; nothing at the end of the stream.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            while let Some((event, rest)) = self.received.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.received = rest;
                let field = |name: &str| -> Vec<String> {
                    let lines = event.lines();
                    lines
                        .filter_map(|line| Some(line.strip_prefix(name)?.to_owned()))
                        .collect()
                };
                if let Some(name) = field("event: ").pop() {
                    return Some((name, field("data: ").join("\n")));
                }
            }
            let chunk = self.answer.chunk().await.expect("the stream goes on")?;
            self.received.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// Waits for a list of jobs that `is_it`.
    async fn jobs(&mut self, is_it: impl Fn(&str) -> bool) -> String {
        loop {
            let (name, data) = self.next().await.expect("the stream goes on");
            assert_eq!(name, "jobs", "{data}");
            if is_it(&data) {
                return data;
            }
        }
    }
}

/// The states of the jobs in a list.
fn states(html: &str) -> Vec<String> {
    page::parse(html)
        .iter()
        .filter_map(|element| element.get("data-state"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_leads_to_a_receipt_that_comes_alive_to_its_end() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let answer = visitor.sign_up_as("maria", "maria@example.com").await;
        let answer = answer.with_status(303);
        let receipt = receipt_of(&answer);
        assert!(Token::parse(&receipt).is_some(), "{receipt}");
        app.job_reaches(&receipt, "simple_task", State::Executing)
            .await;
        app.job_reaches(&receipt, "parameter_task", State::Executing)
            .await;

        let page = visitor.get(answer.location()).await.with_status(200);
        assert_eq!(page.job_states(), ["scheduled", "executing", "executing"]);
        assert!(page.body.contains("We have your sign-up, maria!"));
        assert_eq!(page.header("x-robots-tag"), Some("noindex, nofollow"));
        let jobs = page.by_id("jobs").expect("the list");
        let events = jobs.get("data-events").expect("a stream");
        assert_eq!(events, format!("/signup/{receipt}/events"));

        let mut events = Events::of(&visitor, events).await;
        let first = events.jobs(|_| true).await;
        assert_eq!(states(&first), page.job_states());
        app.advance(Duration::from_secs(5));
        events.jobs(|jobs| jobs.contains("50%")).await;
        app.advance(Duration::from_secs(5));
        let last = events
            .jobs(|jobs| states(jobs).iter().all(|state| state == "completed"))
            .await;
        assert!(last.contains("Simple task completed!"), "{last}");
        assert_eq!(events.next().await.expect("the end").0, "end");
        assert_eq!(events.next().await, None);

        let page = visitor.get(answer.location()).await.with_status(200);
        assert_eq!(page.job_states(), ["completed"; 3]);
        assert_eq!(
            page.by_id("jobs").expect("the list").get("data-events"),
            None
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_letter_can_be_read_in_the_built_in_mailbox() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let receipt = visitor.sign_up("maria").await;
    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt, &[State::Completed]).await;

    let mailbox = visitor.get("/dev/mailbox").await.with_status(200);
    let letter = mailbox
        .named("a")
        .find(|link| link.text() == "Welcome to Cadastro!")
        .expect("the letter");
    let path = letter.get("href").expect("a way to it").to_owned();
    let page = visitor.get(&path).await.with_status(200);
    assert!(page.body.contains("maria@example.com"));
    let html = visitor.get(&format!("{path}/html")).await.with_status(200);
    let policy = html.header("content-security-policy").expect("a policy");
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    assert!(!policy.contains("allow-scripts") && !policy.contains("allow-same-origin"));
    let raw = visitor.get(&format!("{path}/raw")).await.with_status(200);
    assert!(raw.body.contains("To: maria@example.com\r\n"));
    for missing in ["/dev/mailbox/999", "/dev/mailbox/maria"] {
        visitor.get(missing).await.with_status(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_nobody_has_leads_nowhere() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let random = Token::random();
    for receipt in [random.as_str(), "1", "..%2F..", "%00", "' OR 1=1 --"] {
        let page = visitor.get(&format!("/signup/{receipt}")).await;
        page.with_status(404).holds_no_code();
        let events = visitor.get(&format!("/signup/{receipt}/events")).await;
        events.with_status(404);
    }
}
