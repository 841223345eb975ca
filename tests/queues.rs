//! Queues that operators make, re-size, limit and remove while the program runs; jobs in them.

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use cadastro::{
    jobs::{CatalogueBuilder, Context, Done, JobError, Task},
    queue::{Job, JobId, NewJob, State},
    store::{JobFilter, JobRow, Store},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use crate::support::{
    app::{TestApp, TestAppBuilder},
    database::TestDatabase,
    page::Page,
    visitor::{TOKEN, Visitor},
};

/// Far longer than any test should take, and shorter than its rounds if each waited for a poll.
const PATIENCE: Duration = Duration::from_secs(60);
const ROUNDS: usize = 15;

/// Works until the test opens its gate.
#[derive(Deserialize, Serialize)]
struct Hold {
    gate: String,
    key: Option<String>,
}

static OPEN: LazyLock<watch::Sender<BTreeSet<String>>> = LazyLock::new(Default::default);

impl Job for Hold {
    const KIND: &'static str = "hold";
    const QUEUE: &'static str = "reports";

    fn limit_key(&self) -> Option<String> {
        self.key.clone()
    }
}

impl Task for Hold {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        let mut open = OPEN.subscribe();
        open.wait_for(|open| open.contains(&self.gate)).await?;
        Ok(Done::default())
    }
}

/// The same work, which only one of two instances knows.
#[derive(Deserialize, Serialize)]
struct HoldElsewhere {
    gate: String,
}

impl Job for HoldElsewhere {
    const KIND: &'static str = "hold_elsewhere";
    const QUEUE: &'static str = "reports";
}

impl Task for HoldElsewhere {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        let (gate, key) = (self.gate, None);
        Hold { gate, key }.run(cx).await
    }
}

/// Gates have the database in their names: tests run beside each other.
fn hold(database: &TestDatabase, gate: &str) -> NewJob {
    keyed(database, gate, None)
}

fn keyed(database: &TestDatabase, gate: &str, key: Option<&str>) -> NewJob {
    let gate = format!("{} {gate}", database.url());
    let key = key.map(str::to_owned);
    Hold { gate, key }.now()
}

fn open(database: &TestDatabase, gate: &str) {
    OPEN.send_modify(|open| {
        open.insert(format!("{} {gate}", database.url()));
    });
}

fn app(database: &TestDatabase) -> TestAppBuilder {
    TestApp::builder(database)
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
        .jobs(|jobs: CatalogueBuilder| jobs.task::<Hold>())
}

async fn enqueue(app: &TestApp, jobs: Vec<NewJob>) -> Vec<JobId> {
    let rows = app.scheduler.enqueue(jobs).await.expect("enqueued");
    rows.into_iter().map(|row| row.id).collect()
}

async fn put(app: &TestApp, queue: &str, set: Value) -> Page {
    let operator = Visitor::operator(app);
    let request = operator.request(Method::PUT, &format!("/api/v1/queues/{queue}"));
    operator.send(request.json(&set)).await
}

async fn delete(app: &TestApp, queue: &str) -> Page {
    let operator = Visitor::operator(app);
    operator
        .send(operator.request(Method::DELETE, &format!("/api/v1/queues/{queue}")))
        .await
}

/// Every job of these queues as of one moment, the oldest first.
async fn jobs(store: Store) -> Vec<JobRow> {
    let all = store.jobs(&JobFilter::default(), None, 1000).await;
    let mut jobs = all.expect("an answer");
    jobs.reverse();
    jobs
}

fn count(jobs: &[JobRow], state: State) -> usize {
    jobs.iter().filter(|job| job.state == state).count()
}

async fn until_executing(app: &TestApp, executing: usize) -> Vec<JobRow> {
    app.until(jobs, |jobs| count(jobs, State::Executing) == executing)
        .await
}

/// Waits until a queue has so many actors on this instance; `None`: until there is no such queue.
async fn until_actors(app: &TestApp, queue: &str, instances: Option<i64>) {
    let seen = || {
        let mut reports = app.tree.reports().into_iter();
        let found = reports.find(|report| report.name == queue);
        found.map(|report| report.instances)
    };
    let reached = timeout(PATIENCE, async {
        while seen() != instances {
            tokio::task::yield_now().await;
        }
    });
    assert!(reached.await.is_ok(), "{queue}: {:?}", seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_an_operator_makes_runs_what_is_put_into_it_and_survives_a_restart() {
    for database in TestDatabase::both() {
        let first = app(&database).start().await;
        let operator = Visitor::operator(&first);
        let gate = format!("{} late", database.url());
        let new = |queue: &str| json!({"kind": "hold", "args": {"gate": gate}, "queue": queue});
        let post = async |queue| operator.post_json("/api/v1/jobs", &new(queue)).await;
        for (queue, code) in [
            ("late", "unknown"),
            ("email", "invalid"),
            ("La-te", "invalid"),
        ] {
            let problem = post(queue).await.with_status(422).json();
            assert_eq!(problem["errors"]["queue"][0]["code"], code, "{problem}");
        }
        operator.get("/api/v1/queues/late").await.with_status(404);

        let made = put(&first, "late", json!({"workers": 2})).await;
        assert_eq!(made.with_status(200).json()["workers"], 2);
        let job = post("late").await.with_status(201).json();
        assert_eq!(job["queue"], "late");
        until_executing(&first, 1).await;
        until_actors(&first, "late", Some(2)).await;
        // A queue that a kind names has as many as is usual.
        until_actors(&first, "reports", Some(10)).await;
        first.stop();

        open(&database, "late");
        let second = app(&database).start().await;
        second
            .until(jobs, |jobs| count(jobs, State::Completed) == 1)
            .await;
        until_actors(&second, "late", Some(2)).await;
        let operator = Visitor::operator(&second);
        let shown = operator
            .get("/api/v1/queues/late")
            .await
            .with_status(200)
            .json();
        assert_eq!(
            (&shown["workers"], &shown["at_once"]),
            (&json!(2), &Value::Null)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_grows_at_once_and_shrinks_as_its_actors_come_to_an_end() {
    for database in TestDatabase::both() {
        let app = app(&database).start().await;
        put(&app, "reports", json!({"workers": 1}))
            .await
            .with_status(200);
        until_actors(&app, "reports", Some(1)).await;
        enqueue(&app, vec![hold(&database, "first"); 3]).await;
        let one = until_executing(&app, 1).await;
        assert_eq!(count(&one, State::Available), 2);

        put(&app, "reports", json!({"workers": 3}))
            .await
            .with_status(200);
        until_executing(&app, 3).await;
        put(&app, "reports", json!({"workers": 1}))
            .await
            .with_status(200);
        enqueue(&app, vec![hold(&database, "second"); 2]).await;
        let running = jobs(app.store.clone()).await;
        assert_eq!(count(&running, State::Executing), 3);

        open(&database, "first");
        let one = app.until(jobs, |jobs| {
            count(jobs, State::Completed) == 3 && count(jobs, State::Executing) == 1
        });
        assert_eq!(count(&one.await, State::Available), 1);
        until_actors(&app, "reports", Some(1)).await;
        open(&database, "second");
        app.until(jobs, |jobs| count(jobs, State::Completed) == 5)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_removed_with_its_actors_and_metrics_unless_something_needs_it() {
    for database in TestDatabase::both() {
        let app = app(&database).start().await;
        let operator = Visitor::operator(&app);
        let paused = "cadastro_queue_paused{queue=\"spare\"} 0";
        delete(&app, "spare").await.with_status(404);
        put(&app, "spare", json!({})).await.with_status(200);
        until_actors(&app, "spare", Some(10)).await;
        let metrics = operator.get("/metrics").await.with_status(200).body;
        assert!(metrics.contains(paused), "{metrics}");

        enqueue(&app, vec![hold(&database, "spare").in_queue("spare")]).await;
        delete(&app, "spare").await.with_status(409);
        until_executing(&app, 1).await;
        delete(&app, "spare").await.with_status(409);
        open(&database, "spare");
        app.until(jobs, |jobs| count(jobs, State::Completed) == 1)
            .await;
        delete(&app, "spare").await.with_status(204);
        until_actors(&app, "spare", None).await;
        // What was finished in it is still on record.
        operator.get("/api/v1/queues/spare").await.with_status(404);
        operator.get("/metrics").await.with_status(200);
        assert!(!app.metrics.render(false).contains(paused));

        let stays = delete(&app, "reports").await.with_status(409).json();
        let why = stays["detail"].as_str().expect("a reason");
        assert!(why.contains("kinds of job live in `reports`"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_key_has_so_many_jobs_at_once_and_others_go_on_beside_it() {
    for database in TestDatabase::both() {
        let app = app(&database).start().await;
        put(&app, "reports", json!({"at_once_per_key": 1}))
            .await
            .with_status(200);
        let of = |gate, key| keyed(&database, gate, key);
        let new = vec![
            of("a1", Some("a")),
            of("a2", Some("a")),
            of("b1", Some("b")),
            hold(&database, "b2").limit_key("b"),
            of("none", None),
        ];
        enqueue(&app, new).await;
        let states = |jobs: &[JobRow]| jobs.iter().map(|job| job.state).collect::<Vec<_>>();
        use State::{Available, Completed, Executing};
        let beside = [Executing, Available, Executing, Available, Executing];
        app.until(jobs, |jobs| states(jobs) == beside).await;
        open(&database, "a1");
        let next = [Completed, Executing, Executing, Available, Executing];
        app.until(jobs, |jobs| states(jobs) == next).await;
        for gate in ["a2", "b1", "b2", "none"] {
            open(&database, gate);
        }
        app.until(jobs, |jobs| count(jobs, Completed) == 5).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_lets_the_next_job_start_when_its_time_has_come() {
    for database in TestDatabase::both() {
        let app = app(&database).start().await;
        let rate = json!({"rate": {"jobs": 2, "period_seconds": 60}});
        put(&app, "reports", rate).await.with_status(200);
        open(&database, "rate");
        enqueue(&app, vec![hold(&database, "rate"); 4]).await;
        for completed in 2..=4 {
            let seen = app.until(jobs, |jobs| count(jobs, State::Completed) == completed);
            assert_eq!(count(&seen.await, State::Available), 4 - completed);
            app.clock.advance(Duration::from_secs(30));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_together_run_no_more_jobs_at_once_than_the_queue_allows() {
    let database = TestDatabase::postgres();
    let one = app(&database).start().await;
    let other = app(&database).start().await;
    put(&one, "reports", json!({"at_once": 2}))
        .await
        .with_status(200);
    enqueue(
        &one,
        (0..8).map(|n| hold(&database, &n.to_string())).collect(),
    )
    .await;
    for ended in 0..8 {
        let executing = 2.min(8 - ended);
        let seen = asked_until(&one, |jobs| {
            assert!(count(jobs, State::Executing) <= 2, "{jobs:#?}");
            count(jobs, State::Completed) == ended && count(jobs, State::Executing) == executing
        });
        let seen = seen.await;
        let oldest = seen.iter().position(|job| job.state == State::Executing);
        open(&database, &oldest.expect("one executes").to_string());
    }
    asked_until(&one, |jobs| count(jobs, State::Completed) == 8).await;
    drop(other);
}

/// Asks until the jobs satisfy `enough`: news of those that run on another instance comes from nobody.
async fn asked_until(app: &TestApp, enough: impl Fn(&[JobRow]) -> bool) -> Vec<JobRow> {
    let asked = timeout(PATIENCE, async {
        loop {
            let seen = jobs(app.store.clone()).await;
            if enough(&seen) {
                return seen;
            }
        }
    });
    asked.await.expect("the jobs come that far")
}

#[tokio::test(flavor = "multi_thread")]
async fn room_that_a_job_leaves_is_taken_by_another_instance_without_waiting_for_a_poll() {
    let database = TestDatabase::postgres();
    let one = app(&database).real_clock().start().await;
    let other = TestApp::builder(&database)
        .jobs(|jobs: CatalogueBuilder| jobs.task::<HoldElsewhere>())
        .real_clock()
        .start()
        .await;
    put(&one, "reports", json!({"at_once": 1}))
        .await
        .with_status(200);
    let rounds = timeout(PATIENCE, async {
        for round in 0..ROUNDS {
            let (here, there) = (format!("here {round}"), format!("there {round}"));
            enqueue(&one, vec![hold(&database, &here)]).await;
            until_executing(&one, 1).await;
            let gate = format!("{} {there}", database.url());
            enqueue(&one, vec![HoldElsewhere { gate }.now()]).await;
            open(&database, &here);
            let next = |jobs: &[JobRow]| {
                let last = jobs.last().expect("a job");
                last.kind == "hold_elsewhere" && last.state == State::Executing
            };
            other.until(jobs, next).await;
            open(&database, &there);
            other
                .until(jobs, |jobs| count(jobs, State::Completed) == 2 * round + 2)
                .await;
        }
    });
    rounds.await.expect("each round takes less than a poll");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_decides_at_one_instance_the_others_follow_without_waiting_for_a_poll() {
    let database = TestDatabase::postgres();
    let one = app(&database).real_clock().start().await;
    let other = app(&database).real_clock().start().await;
    let rounds = timeout(PATIENCE, async {
        for round in 1..=ROUNDS {
            put(&one, "spare", json!({"workers": round}))
                .await
                .with_status(200);
            until_actors(&other, "spare", Some(round as i64)).await;
        }
        delete(&one, "spare").await.with_status(204);
        until_actors(&other, "spare", None).await;
    });
    rounds.await.expect("each round takes less than a poll");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_makes_no_sense_is_refused_field_by_field() {
    let database = TestDatabase::sqlite();
    let app = app(&database).start().await;
    let wrong = json!({"workers": 5000, "rate": {"jobs": 0, "period_seconds": 60}});
    let problem = put(&app, "reports", wrong).await.with_status(422).json();
    for field in ["workers", "rate.jobs"] {
        assert_eq!(
            problem["errors"][field][0]["code"], "out_of_range",
            "{problem}"
        );
    }
    put(&app, "scheduler", json!({})).await.with_status(422);
    for no_object in [json!([]), json!([4]), json!({"rate": [4, 60]})] {
        put(&app, "reports", no_object).await.with_status(400);
    }
    put(&app, "reports", json!({"size": 1}))
        .await
        .with_status(400);
    let shown = Visitor::operator(&app).get("/api/v1/queues/reports").await;
    assert_eq!(shown.with_status(200).json()["workers"], Value::Null);
}
