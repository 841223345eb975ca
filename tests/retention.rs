//! How long jobs are kept that have ended, and what is told of them afterwards.

use std::time::Duration;

use cadastro::{
    queue::State,
    store::{JobFilter, JobRow, Store},
    text::{Locale, Text},
};
use serde_json::json;

use crate::support::{
    app::{TestApp, TestAppBuilder},
    database::TestDatabase,
    raw::Raw,
    visitor::{TOKEN, Visitor},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn quick(database: &TestDatabase) -> TestAppBuilder {
    TestApp::builder(database)
        .set("CADASTRO_SIMPLE_TASK", "0s")
        .set("CADASTRO_PARAMETER_TASK", "0s")
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
}

async fn prunings(store: Store) -> Vec<JobRow> {
    let filter = JobFilter {
        kind: Some("prune_jobs".to_owned()),
        ..JobFilter::default()
    };
    store.jobs(&filter, None, 100).await.expect("an answer")
}

/// Waits for the pruning that falls due by now, and says what it had to say.
async fn pruned(app: &TestApp) -> String {
    let now = app.now();
    let is_done = |job: &JobRow| job.state == State::Completed && job.finished_at == Some(now);
    let jobs = app.until(prunings, |jobs| jobs.first().is_some_and(is_done));
    let newest = jobs.await.remove(0);
    newest.result.expect("it says how many")
}

fn forgotten(count: usize) -> String {
    let text = Text::new().expect("the templates agree");
    let count = count.to_string();
    text.sentence(Locale::PtBr, "jobs.result.prune_jobs", &[("count", &count)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_outlives_its_jobs_and_says_that_they_are_no_longer_kept() {
    let text = Text::new().expect("the templates agree");
    for database in TestDatabase::both() {
        let app = quick(&database).start().await;
        let visitor = Visitor::new(&app);
        let receipt = visitor.sign_up("maria").await;
        for task in ["simple_task", "parameter_task"] {
            app.job_reaches(&receipt, task, State::Completed).await;
        }
        app.advance(Duration::from_secs(10));
        app.receipt_reaches(&receipt, &[State::Completed]).await;
        let path = format!("/signup/{receipt}");
        let told = async |key: &str| {
            let page = visitor.get(&path).await.with_status(200);
            let finale = page.with_class("finale").next().expect("the end").text();
            assert!(
                finale.contains(&text.sentence(Locale::En, key, &[])),
                "{finale}"
            );
        };

        // The tasks ended a week ago; the letter did so five seconds later than that.
        app.advance(7 * DAY - Duration::from_secs(5));
        assert_eq!(pruned(&app).await, forgotten(2));
        told("receipt.done").await;
        app.advance(Duration::from_secs(15 * 60));
        assert_eq!(pruned(&app).await, forgotten(1));
        told("receipt.forgotten").await;
        let api = format!("/api/v1/signups/{receipt}");
        let api = visitor.get(&api).await.with_status(200).json();
        assert_eq!(api["jobs"], json!([]));
        let metrics = visitor.get("/metrics").await.with_status(200).body;
        for line in [
            "cadastro_jobs{queue=\"task\",kind=\"simple_task\",state=\"completed\"} 0\n",
            "cadastro_jobs{queue=\"task\",kind=\"prune_jobs\",state=\"completed\"} 2\n",
            "cadastro_jobs_finished_total{queue=\"task\",kind=\"simple_task\",outcome=\"completed\"} 1\n",
        ] {
            assert!(metrics.contains(line), "{line}{metrics}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_is_kept_for_as_long_as_the_setting_says() {
    for database in TestDatabase::both() {
        let app = quick(&database).set("CADASTRO_RETENTION", "completed=1h,discarded=forever");
        let app = app.start().await;
        // One that nobody can decode is discarded, one that is cancelled stays so, one is for another year.
        let operator = Visitor::operator(&app);
        let enqueue = async |new| {
            let job = operator.post_json("/api/v1/jobs", &new).await;
            job.with_status(201).json()["id"]
                .as_i64()
                .expect("a number")
        };
        let later = json!({"kind": "simple_task", "delay_seconds": 400 * 24 * 3600});
        let waiting = enqueue(later.clone()).await;
        let cancelled = enqueue(later).await;
        let path = format!("/api/v1/jobs/{cancelled}/cancel");
        operator.post_json(&path, &json!({})).await.with_status(200);
        let completed = enqueue(json!({"kind": "simple_task"})).await;
        let done = |jobs: &[JobRow]| jobs.iter().any(|job| job.state == State::Completed);
        app.until(everything, done).await;
        let mut raw = Raw::open(database.url()).await;
        let old = "SELECT 'a' AS kind, 'discarded' AS state, 0 AS finished_at UNION ALL SELECT 'a', 'scheduled', NULL";
        raw.run(&format!("WITH old AS ({old}) {OLD}")).await;

        app.advance(Duration::from_secs(2 * 3600));
        assert_eq!(pruned(&app).await, forgotten(1));
        let there = |jobs: &[JobRow], id| jobs.iter().any(|job| job.id.0 == id);
        let jobs = everything(app.store.clone()).await;
        assert!(!there(&jobs, completed) && there(&jobs, cancelled) && there(&jobs, waiting));

        app.advance(30 * DAY);
        // The pruning of a month ago, and the one that is cancelled.
        assert_eq!(pruned(&app).await, forgotten(2));
        let jobs = everything(app.store.clone()).await;
        assert!(!there(&jobs, cancelled) && there(&jobs, waiting));
        // Of those that are from 1970 one is kept for ever, and one has not ended.
        let old: Vec<_> = jobs
            .iter()
            .filter(|job| job.kind == "a")
            .map(|job| job.state)
            .collect();
        assert_eq!(old, [State::Scheduled, State::Discarded]);
    }
}

async fn everything(store: Store) -> Vec<JobRow> {
    let jobs = store.jobs(&JobFilter::default(), None, 1000).await;
    jobs.expect("an answer")
}

/// Jobs that were made in 1970, and ended then if they did.
const OLD: &str = "INSERT INTO jobs
    (queue, priority, args, attempt, max_attempts, created_at, run_at, crashes, kind, state, finished_at)
    SELECT 'task', 0, '{}', 1, 1, 0, 4000000000000000, 0, kind, state, finished_at FROM old";

/// Has the database note in which transaction each job is forgotten.
const NOTE: &str = "CREATE TABLE notes (tx BIGINT);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
        INSERT INTO notes SELECT txid_current(); RETURN NULL; END';
    CREATE TRIGGER note AFTER DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION note()";

#[tokio::test(flavor = "multi_thread")]
async fn many_are_forgotten_a_few_hundred_in_a_transaction() {
    let database = TestDatabase::postgres();
    let app = quick(&database).start().await;
    let mut raw = Raw::open(database.url()).await;
    raw.run(NOTE).await;
    raw.run(&format!(
        "WITH old AS (SELECT 'a' AS kind, 'completed' AS state, n AS finished_at
        FROM generate_series(1, 1700) AS n) {OLD}"
    ))
    .await;
    let operator = Visitor::operator(&app);
    let run = operator
        .post_json("/api/v1/cron/prune_jobs/run", &json!({}))
        .await;
    run.with_status(201);
    assert_eq!(pruned(&app).await, forgotten(1700));
    let bites = "SELECT CAST(count(*) AS TEXT) AS line FROM notes GROUP BY tx ORDER BY tx";
    assert_eq!(raw.lines(bites).await, ["500", "500", "500", "200"]);
}
