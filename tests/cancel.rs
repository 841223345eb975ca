//! Jobs that an operator cancels in the middle of an attempt, wherever it is made.

use std::{future::pending, time::Duration};

use cadastro::{
    jobs::{Context, Done, JobError, Task},
    queue::{Job, JobId, State},
    store::{JobRow, Store},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::{
    app::{TestApp, TestAppBuilder},
    database::TestDatabase,
    visitor::{TOKEN, Visitor},
};

/// A task that works until it is asked to stop, in its first attempt.
#[derive(Clone, Copy, Deserialize, Serialize)]
enum Toil {
    /// Undoes what it has done.
    CleansUp,
    /// Is done all the same.
    Finishes,
    /// Hears it, and goes on.
    GoesOn,
    /// Has somebody ask who tells nobody, and fails.
    FailsUnheard,
}

/// The progress by which a job shows that it was asked.
const ASKED: i32 = 99;

impl Job for Toil {
    const KIND: &'static str = "toil";
}

impl Task for Toil {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        if cx.attempt() > 1 {
            return Ok(Done::default());
        }
        if let Toil::FailsUnheard = self {
            cx.store().cancel(cx.job(), cx.clock().now()).await?;
            return Err(std::io::Error::other("the other side is closed").into());
        }
        cx.cancelled().await;
        assert!(cx.is_cancelled());
        match self {
            Toil::CleansUp => Err(JobError::cancel("half of it is undone")),
            Toil::Finishes => Ok(Done::from("just in time".to_owned())),
            _ => {
                cx.progress(ASKED);
                pending().await
            }
        }
    }
}

pub fn toiling(database: &TestDatabase) -> TestAppBuilder {
    TestApp::builder(database)
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
        .jobs(|jobs| jobs.task::<Toil>())
}

/// A job that executes on this instance.
async fn at_work(app: &TestApp, toil: Toil) -> JobId {
    let rows = app.scheduler.enqueue(vec![toil.now()]).await;
    let job = rows.expect("enqueued")[0].id;
    comes_to(app, job, |job| job.state == State::Executing).await;
    job
}

/// One that cleans up once it is asked to stop.
pub async fn one_that_cleans_up(app: &TestApp) -> JobId {
    at_work(app, Toil::CleansUp).await
}

async fn comes_to(app: &TestApp, job: JobId, point: impl Fn(&JobRow) -> bool) -> JobRow {
    let find = |store: Store| async move {
        let found = store.job(job).await.expect("the database answers");
        found.into_iter().collect()
    };
    let found = app.until(find, |jobs| jobs.iter().any(&point));
    found.await.remove(0)
}

async fn reaches(app: &TestApp, job: JobId, state: State) -> JobRow {
    comes_to(app, job, |job| job.state == state).await
}

/// What became of the only attempt on record, and why.
async fn recorded(app: &TestApp, job: JobId) -> (String, String) {
    let mut attempts = app.store.attempts(job).await.expect("an answer");
    let last = attempts.pop().expect("an attempt");
    assert_eq!(attempts, []);
    (last.outcome, last.error.expect("a reason"))
}

const BY: &str = "cancelled by an operator at 2026-11-22T12:00:00Z";

fn cancelled(why: &str) -> (String, String) {
    ("cancelled".to_owned(), format!("{why}; {BY}"))
}

async fn cancel(app: &TestApp, job: JobId) {
    let asked = app.scheduler.cancel(job).await.expect("an answer");
    assert_eq!(asked.expect("it executes").state, State::Executing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_may_clean_up_and_can_be_tried_again() {
    for database in TestDatabase::both() {
        let app = toiling(&database).start().await;
        let job = at_work(&app, Toil::CleansUp).await;
        cancel(&app, job).await;
        let row = reaches(&app, job, State::Cancelled).await;
        assert_eq!(
            (row.cancel_at, row.finished_at),
            (Some(app.now()), Some(app.now()))
        );
        assert_eq!(recorded(&app, job).await, cancelled("half of it is undone"));

        app.scheduler.retry(job).await.expect("an answer");
        let done = reaches(&app, job, State::Completed).await;
        assert_eq!((done.attempt, done.cancel_at), (2, None), "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_does_not_stop_is_dropped_after_five_seconds() {
    for database in TestDatabase::both() {
        let app = toiling(&database).start().await;
        let job = at_work(&app, Toil::GoesOn).await;
        cancel(&app, job).await;
        comes_to(&app, job, |job| job.progress == Some(ASKED)).await;
        app.advance(Duration::from_millis(4_999));
        // Whoever asks again gives it no more time.
        cancel(&app, job).await;
        app.advance(Duration::from_millis(1));
        let row = reaches(&app, job, State::Cancelled).await;
        let asked = row.cancel_at.expect("it was asked");
        let ended = row.finished_at.expect("it has ended");
        assert_eq!(ended.duration_since(asked).as_millis(), 5_000);
        let why = "still at work 5s after it was asked to stop";
        assert_eq!(recorded(&app, job).await, cancelled(why), "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_done_before_it_stops_is_completed() {
    for database in TestDatabase::both() {
        let app = toiling(&database).start().await;
        let job = at_work(&app, Toil::Finishes).await;
        cancel(&app, job).await;
        let row = reaches(&app, job, State::Completed).await;
        assert_eq!(row.result.as_deref(), Some("just in time"), "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_does_not_run_a_job_cancels_it_through_the_one_that_does() {
    let database = TestDatabase::postgres();
    let one = toiling(&database).start().await;
    let job = at_work(&one, Toil::CleansUp).await;
    let other = toiling(&database).start().await;
    let operator = Visitor::operator(&other);
    let path = format!("/api/v1/jobs/{job}");
    let (cancel, nothing) = (format!("{path}/cancel"), json!({}));
    let asked = operator.post_json(&cancel, &nothing).await;
    let asked = asked.with_status(202).json();
    assert_eq!(
        (&asked["state"], &asked["cancel_at"]),
        (&json!("executing"), &json!("2026-11-22T12:00:00.000000Z"))
    );
    reaches(&one, job, State::Cancelled).await;
    let shown = operator.get(&path).await.with_status(200).json();
    assert_eq!(
        (&shown["state"], &shown["attempts"][0]["outcome"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    let again = operator.post_json(&cancel, &nothing).await;
    again.with_status(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_comes_between_a_failure_and_the_record_of_it_is_not_lost() {
    for database in TestDatabase::both() {
        let app = toiling(&database).start().await;
        let rows = app.scheduler.enqueue(vec![Toil::FailsUnheard.now()]).await;
        let job = rows.expect("enqueued")[0].id;
        reaches(&app, job, State::Cancelled).await;
        let why = "error: the other side is closed";
        assert_eq!(recorded(&app, job).await, cancelled(why), "{database}");
        let metrics = app.metrics.render(false);
        assert!(metrics.contains("cadastro_stale_finishes_total 0"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_asked_to_stop_is_not_taken_up_after_its_instance_died() {
    for database in TestDatabase::both() {
        let app = toiling(&database).set("CADASTRO_LEASE", "1s").start().await;
        let job = at_work(&app, Toil::GoesOn).await;
        let asked = app.store.cancel(job, app.now()).await.expect("an answer");
        let owner = asked.expect("it executes").owner.expect("somebody");
        // As good as dead: it finds out, and takes up its own jobs under another name.
        app.store.leave(&owner).await.expect("an answer");
        reaches(&app, job, State::Cancelled).await;
        let (outcome, why) = recorded(&app, job).await;
        assert_eq!(outcome, "cancelled", "{database}");
        assert!(
            why.starts_with("rescued: ") && why.ends_with(&format!("; {BY}")),
            "{why}"
        );
    }
}
