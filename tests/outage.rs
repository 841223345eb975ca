//! The database away, and back: nothing is half-saved, and nobody starts the program again.

mod clocks;
mod crowd;
mod cuts;
mod descriptors;
mod disk;
mod lease;
mod log;
mod silence;
mod start;

use std::time::Duration;

use cadastro::{
    jobs::{Context, Done, JobError, Task},
    queue::{Job, JobId, State},
    store::JobRow,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::{
    app::{TestApp, TestAppBuilder},
    database::{PostgresServer, TestDatabase},
    page::Page,
    visitor::{PASSWORD, Visitor, filled, receipt_of},
    wire::{Mode, Wire},
};

/// A page must have answered before a visitor has given up, and service must be back as soon. Some
/// times what the program allows itself: the machine of a test is busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// A sign-up form, filled in, to be sent until it is taken.
struct Form {
    key: String,
    username: &'static str,
    email: String,
}

/// Opens the form and fills it in.
async fn form(visitor: &Visitor, username: &'static str) -> Form {
    let form = visitor.get("/signup").await.with_status(200);
    Form {
        key: form.value("idempotency_key").to_owned(),
        username,
        email: format!("{username}@example.com"),
    }
}

impl Form {
    async fn send(&self, visitor: &Visitor) -> Page {
        let fields = filled(self.username, &self.email, &self.key);
        visitor.post("/signup", &fields).await
    }

    /// Sends it, and gets it back with everything but the password.
    async fn is_away(&self, visitor: &Visitor) {
        let page = self.send(visitor).await.with_status(503);
        assert!(page.header("retry-after").is_some());
        assert_eq!(page.value("username"), self.username);
        assert_eq!(page.value("email"), self.email);
        assert_eq!(page.value("idempotency_key"), self.key);
        assert!(!page.body.contains(PASSWORD), "it is not sent back");
    }

    /// Sends it until it is taken, which has to happen in time; gives the receipt.
    async fn is_taken(&self, visitor: &Visitor) -> String {
        let taken = tokio::time::timeout(PATIENCE, async {
            loop {
                let page = self.send(visitor).await;
                if page.status != 503 {
                    return receipt_of(&page.with_status(303));
                }
            }
        });
        taken.await.expect("service is back in time")
    }
}

/// Every door says that the database is away, in time.
async fn every_door_says_so(visitor: &Visitor, username: &'static str) -> Form {
    let form = form(visitor, username).await;
    form.is_away(visitor).await;
    let page = visitor.log_in(username, PASSWORD).await.with_status(503);
    assert!(page.header("retry-after").is_some());
    let receipt = format!("/signup/{}", "A".repeat(43));
    let page = visitor.get(&receipt).await.with_status(503);
    assert!(page.header("retry-after").is_some());

    let body = json!({"username": username, "email": form.email, "password": PASSWORD});
    let problem = visitor.post_json("/api/v1/signups", &body).await;
    let problem = problem.with_status(503);
    let kind = problem.header("content-type");
    assert_eq!(kind, Some("application/problem+json"));
    assert!(problem.header("retry-after").is_some());

    let ready = visitor.get("/readyz").await.with_status(503);
    assert_eq!(ready.json()["database"], "away");
    visitor.get("/healthz").await.with_status(200);
    let metrics = visitor.get("/metrics").await.with_status(200);
    assert!(metrics.body.contains("\ncadastro_db_up 0\n"));
    form
}

/// Work that needs nobody while it lasts.
#[derive(Deserialize, Serialize)]
struct Errand {}

/// How long an errand takes. Longer than a lease.
const ERRAND: Duration = Duration::from_secs(4);

const LEASE: &str = "1s";

impl Job for Errand {
    const KIND: &'static str = "errand";
}

impl Task for Errand {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        cx.clock().sleep_until(cx.begun() + ERRAND).await;
        Ok(Done::default())
    }
}

/// cadastro with an errand under way.
struct Busy {
    app: TestApp,
    errand: JobId,
}

impl Busy {
    async fn on(database: &TestDatabase) -> Self {
        Self::with(TestApp::builder(database)).await
    }

    async fn with(app: TestAppBuilder) -> Self {
        let app = app.set("CADASTRO_LEASE", LEASE);
        let app = app.jobs(|jobs| jobs.task::<Errand>()).start().await;
        let errands = app.scheduler.enqueue(vec![Errand {}.now()]).await;
        let errand = errands.expect("enqueued")[0].id;
        let busy = Busy { app, errand };
        busy.errand_is(State::Executing).await;
        busy
    }

    async fn errand_is(&self, state: State) -> JobRow {
        let errand = self.errand;
        let found = self.app.until(
            |store| async move {
                // One that has no answer is asked again after the next news.
                let found = store.job(errand).await.unwrap_or_default();
                found.into_iter().collect()
            },
            |jobs| jobs.iter().any(|job| job.state == state),
        );
        found.await.remove(0)
    }
}

/// Breaks a wire, lets running work end meanwhile, and mends it.
async fn an_outage(fault: Mode) {
    let server = PostgresServer::new();
    let wire = Wire::to(&server).await;
    let busy = Busy::on(&wire.database()).await;
    let visitor = Visitor::with_patience(&busy.app, PATIENCE);
    wire.set(fault).await;
    let form = every_door_says_so(&visitor, "maria").await;
    // The work ends while nobody can write it down.
    busy.app.clock.advance(ERRAND);
    every_door_says_so(&visitor, "joana").await;

    wire.set(Mode::Pass).await;
    let receipt = form.is_taken(&visitor).await;
    let errand = busy.errand_is(State::Completed).await;
    assert_eq!(errand.attempt, 1);
    busy.app.advance(Duration::from_secs(10));
    let receipt = busy.app.receipt_reaches(&receipt, &[State::Completed]);
    receipt.await;
    let users = busy.app.store.users(None, 10).await.expect("an answer");
    assert_eq!(users.len(), 1, "nothing of a refused sign-up was saved");
    visitor.get("/readyz").await.with_status(200);
    let actors = busy.app.tree.reports();
    assert!(actors.iter().all(|actor| actor.restarts == 0), "{actors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_calls_is_waited_for() {
    an_outage(Mode::Refuse).await;
}
