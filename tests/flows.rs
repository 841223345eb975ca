//! Jobs that wait for each other: chains, fan-in, what follows a failure, and what becomes of all that waits.

use std::time::Duration;

use cadastro::{
    actors::{Changes, EnqueueError},
    jobs::{Context, Done, JobError, Task},
    queue::{Ending, Flow, Job, JobId, NewJob, Policy, State, TASK, Verdict},
    store::{JobFilter, JobRow, Move, Moved, Settled, Store, Which},
};
use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    cli::Terminal,
    support::{
        app::TestApp,
        database::TestDatabase,
        raw::Raw,
        visitor::{TOKEN, Visitor},
    },
};

/// Ends as it is told to, and says how those stood that it waited for.
#[derive(Deserialize, Serialize)]
struct Errand {
    /// In how many attempts it fails.
    failures: i32,
}

impl Job for Errand {
    const KIND: &'static str = "errand";
    const POLICY: Policy = Policy {
        max_attempts: 1,
        ..Policy::DEFAULT
    };
}

impl Task for Errand {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        if cx.attempt() <= self.failures {
            return Err(std::io::Error::other("it went wrong").into());
        }
        let flow = cx.store().flow(cx.job()).await?.expect("a flow");
        let before = |id: JobId| {
            flow.edges
                .iter()
                .any(|e| (e.before, e.after) == (id, cx.job()))
        };
        let states = flow.jobs.iter().filter(|job| before(job.id));
        let states: Vec<_> = states.map(|job| job.state.word()).collect();
        Ok(states.join(" ").into())
    }
}

fn good() -> NewJob {
    Errand { failures: 0 }.now()
}

fn bad() -> NewJob {
    Errand { failures: 1 }.now()
}

/// cadastro with one flow.
struct Flowing {
    app: TestApp,
    ids: Vec<JobId>,
}

impl Flowing {
    async fn on(database: &TestDatabase, flow: Flow) -> Self {
        let app = TestApp::builder(database)
            .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
            .jobs(|jobs| jobs.task::<Errand>())
            .start()
            .await;
        let rows = app.scheduler.enqueue_flow(flow).await.expect("enqueued");
        let ids = rows.iter().map(|job| job.id).collect();
        Flowing { app, ids }
    }

    /// Waits until the jobs stand like this.
    async fn come_to(&self, states: &[State]) -> Vec<JobRow> {
        let first = self.ids[0];
        self.app
            .until(
                |store| async move { rows(&store, first).await },
                |jobs| jobs.iter().map(|job| job.state).eq(states.iter().copied()),
            )
            .await
    }
}

async fn rows(store: &Store, of: JobId) -> Vec<JobRow> {
    let flow = store.flow(of).await.expect("an answer");
    flow.expect("a flow").jobs
}

use State::{Cancelled, Completed, Discarded, Scheduled};

#[tokio::test(flavor = "multi_thread")]
async fn each_job_of_a_chain_begins_once_the_one_before_is_completed() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let first = flow.job(good());
        let second = flow.job_after(good(), [first.succeeds()]);
        flow.job_after(good(), [second.succeeds()]);
        let flowing = Flowing::on(&database, flow).await;
        let jobs = flowing.come_to(&[Completed; 3]).await;
        let said = jobs.iter().map(|job| job.result.as_deref());
        assert!(
            said.eq([Some(""), Some("completed"), Some("completed")]),
            "{jobs:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_begins_once_all_have_ended_for_which_it_waits_and_its_time_has_come() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let [here, there] = [flow.job(good()), flow.job(good())];
        let slow = flow.job(Errand { failures: 0 }.after(Duration::from_secs(10)));
        let last = Errand { failures: 0 }.after(Duration::from_secs(60));
        flow.job_after(last, [here, there, slow].map(|job| job.succeeds()));
        let flowing = Flowing::on(&database, flow).await;
        let jobs = flowing
            .come_to(&[Completed, Completed, Scheduled, Scheduled])
            .await;
        assert_eq!(jobs[3].blockers, 1);
        flowing.app.advance(Duration::from_secs(10));
        let jobs = flowing
            .come_to(&[Completed, Completed, Completed, Scheduled])
            .await;
        assert_eq!(jobs[3].blockers, 0);
        flowing.app.advance(Duration::from_secs(50));
        let jobs = flowing.come_to(&[Completed; 4]).await;
        assert_eq!(
            jobs[3].result.as_deref(),
            Some("completed completed completed")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waited_for_others_is_not_late_because_of_them() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let slow = flow.job(Errand { failures: 0 }.after(Duration::from_secs(3600)));
        flow.job_after(good(), [slow.succeeds()]);
        let flowing = Flowing::on(&database, flow).await;
        flowing.app.advance(Duration::from_secs(3600));
        let jobs = flowing.come_to(&[Completed; 2]).await;
        assert_eq!(jobs[1].run_at, flowing.app.now());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_starts_what_waits_for_it_and_cancels_what_waits_for_success() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let fails = flow.job(bad());
        let never = flow.job_after(good(), [fails.succeeds()]);
        flow.job_after(good(), [never.succeeds()]);
        flow.job_after(good(), [fails.fails()]);
        flow.job_after(good(), [never.ends()]);
        let flowing = Flowing::on(&database, flow).await;
        let states = [Discarded, Cancelled, Cancelled, Completed, Completed];
        let jobs = flowing.come_to(&states).await;
        assert_eq!(jobs[3].result.as_deref(), Some("discarded"));
        assert_eq!(jobs[4].result.as_deref(), Some("cancelled"));
        let why = format!(
            "job {}, which it waited for, did not end as it had to",
            jobs[0].id
        );
        assert_eq!(jobs[1].message, Some(why));
        assert_eq!(jobs[1].finished_at, Some(flowing.app.now()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_failure_is_cancelled_by_a_success() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let well = flow.job(good());
        flow.job_after(good(), [well.fails()]);
        Flowing::on(&database, flow)
            .await
            .come_to(&[Completed, Cancelled])
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_job_cancels_whatever_waits_for_it() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let later = flow.job(Errand { failures: 0 }.after(Duration::from_secs(60)));
        let second = flow.job_after(good(), [later.succeeds()]);
        flow.job_after(good(), [second.succeeds()]);
        flow.job_after(good(), [later.fails()]);
        flow.job_after(good(), [later.ends()]);
        let flowing = Flowing::on(&database, flow).await;
        let cancelled = flowing.app.scheduler.cancel(flowing.ids[0]).await;
        assert!(cancelled.expect("an answer").is_some());
        let states = [Cancelled, Cancelled, Cancelled, Cancelled, Completed];
        flowing.come_to(&states).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_taken_up_again_takes_its_followers_with_it() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let fails = flow.job(bad());
        let second = flow.job_after(good(), [fails.succeeds()]);
        flow.job_after(good(), [second.succeeds()]);
        let flowing = Flowing::on(&database, flow).await;
        flowing.come_to(&[Discarded, Cancelled, Cancelled]).await;
        let retried = flowing.app.scheduler.retry(flowing.ids[0]).await;
        assert!(retried.expect("an answer").is_some());
        let jobs = flowing.come_to(&[Completed; 3]).await;
        assert_eq!(jobs[1].message, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_has_cancelled_stays_so_when_others_are_taken_up_again() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let fails = flow.job(Errand { failures: 1 }.after(Duration::from_secs(60)));
        flow.job_after(good(), [fails.succeeds()]);
        flow.job_after(good(), [fails.succeeds()]);
        let flowing = Flowing::on(&database, flow).await;
        let scheduler = &flowing.app.scheduler;
        let cancelled = scheduler.cancel(flowing.ids[1]).await;
        assert!(cancelled.expect("an answer").is_some());
        flowing.app.advance(Duration::from_secs(60));
        flowing.come_to(&[Discarded, Cancelled, Cancelled]).await;
        scheduler.retry(flowing.ids[0]).await.expect("an answer");
        flowing.come_to(&[Completed, Cancelled, Completed]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cancels_many_cancels_those_too_that_waited_for_the_first_of_them() {
    let waiting = JobFilter {
        state: Some(Scheduled),
        ..JobFilter::default()
    };
    for database in TestDatabase::both() {
        for filter in [JobFilter::default(), waiting.clone()] {
            let mut flow = Flow::default();
            let later = flow.job(Errand { failures: 0 }.after(Duration::from_secs(60)));
            flow.job_after(good(), [later.succeeds()]);
            let flowing = Flowing::on(&database, flow).await;
            let mut raw = Raw::open(database.url()).await;
            let follower = flowing.ids[1];
            // As far behind as if twenty thousand others had been enqueued in between.
            let unchecked = match raw {
                Raw::Sqlite(_) => "PRAGMA foreign_keys = OFF;",
                Raw::Postgres(_) => "SET session_replication_role = replica;",
            };
            raw.run(&format!(
                "{unchecked} UPDATE edges SET after = after + 20000;
                 UPDATE jobs SET id = id + 20000 WHERE id = {follower}"
            ))
            .await;
            let scheduler = &flowing.app.scheduler;
            let all = || Which::All(filter.clone());
            let both = |changed| Moved {
                matched: 2,
                changed,
            };
            let counted = scheduler.move_all(Move::Cancel, all(), true).await;
            assert_eq!(counted.expect("an answer"), both(0), "{database}");
            let moved = scheduler.move_all(Move::Cancel, all(), false).await;
            assert_eq!(moved.expect("an answer"), both(2), "{database}");

            let retried = scheduler.retry(flowing.ids[0]).await;
            assert!(retried.expect("an answer").is_some());
            flowing.come_to(&[Completed, Cancelled]).await;
            flowing.app.stop();
            raw.run("DELETE FROM edges; DELETE FROM jobs").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_a_job_is_told_that_another_one_has_cancelled_it() {
    for database in TestDatabase::both() {
        let failing = || Errand { failures: 1 }.after(Duration::from_secs(60));
        let mut flow = Flow::default();
        for _ in 0..2 {
            let first = flow.job(failing());
            flow.job_after(good(), [first.succeeds()]);
        }
        let flowing = Flowing::on(&database, flow).await;
        let mut changes = flowing.app.scheduler.changes();
        let mut told = async |job: JobId| {
            let is_told = |changes: &Changes| changes.iter().any(|change| change.job == job);
            let told = async { while !is_told(&changes.recv().await.expect("news")) {} };
            let told = timeout(Duration::from_secs(60), told).await;
            assert!(told.is_ok(), "{database}: job {job}");
        };
        let cancelled = flowing.app.scheduler.cancel(flowing.ids[0]).await;
        assert!(cancelled.expect("an answer").is_some());
        told(flowing.ids[1]).await;
        flowing.app.advance(Duration::from_secs(60));
        told(flowing.ids[3]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_ends_at_once_neither_overlooks_the_other() {
    for database in TestDatabase::both() {
        let here = database.store();
        here.migrate().await.expect("migrated");
        let there = match database.url().starts_with("sqlite") {
            true => here.clone(),
            false => database.store(),
        };
        let now = Timestamp::UNIX_EPOCH;
        here.enter("here", "", now).await.expect("entered");
        for _ in 0..25 {
            let mut flow = Flow::default();
            let two = [flow.job(good()), flow.job(good())];
            flow.job_after(good(), two.map(|job| job.succeeds()));
            let new = here.enqueue_flow(&flow, now).await.expect("enqueued");
            let claimed = here.claim(TASK, &["errand"], 2, "here", now).await;
            let [one, other] = claimed
                .expect("claimed")
                .jobs
                .try_into()
                .expect("two are due");
            let [one, other] = [completed(one), completed(other)];
            let (one, other) = tokio::join!(here.settle(&one), there.settle(&other));
            assert_eq!(
                (one.expect("settled"), other.expect("settled")),
                (vec![true], vec![true])
            );
            let last = rows(&here, new[0].id).await.remove(2);
            assert_eq!((last.state, last.blockers), (Scheduled, 0));
            let cancelled = here.cancel(last.id, now).await;
            assert!(cancelled.expect("an answer").is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dense_flow_is_cancelled_to_its_last_job() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let root = flow.job(Errand { failures: 0 }.after(Duration::from_secs(60)));
        // More edges than a statement of SQLite takes values.
        let middle: Vec<_> = (0..185)
            .map(|_| flow.job_after(good(), [root.succeeds()]))
            .collect();
        for _ in 0..185 {
            flow.job_after(good(), middle.iter().map(|job| job.succeeds()));
        }
        let store = database.store();
        store.migrate().await.expect("migrated");
        let now = Timestamp::UNIX_EPOCH;
        let new = store.enqueue_flow(&flow, now).await.expect("enqueued");
        let cancelled = store.cancel(new[0].id, now).await;
        assert!(cancelled.expect("an answer").is_some());
        let rows = rows(&store, new[0].id).await;
        assert_eq!(rows.len(), 371);
        assert!(rows.iter().all(|job| job.state == Cancelled));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lost_its_cause_stays_so_once_the_others_are_forgotten() {
    for database in TestDatabase::both() {
        let mut flow = Flow::default();
        let [well, other] = [flow.job(good()), flow.job(bad())];
        flow.job_after(good(), [well.fails(), other.ends()]);
        let flowing = Flowing::on(&database, flow).await;
        flowing.come_to(&[Completed, Discarded, Cancelled]).await;
        let (store, later) = (
            &flowing.app.store,
            flowing.app.now() + Duration::from_secs(1),
        );
        let forgotten = store.prune(Completed, later, 10).await;
        assert_eq!(
            forgotten.expect("an answer"),
            0,
            "it is still what the last one waits for"
        );
        let retried = flowing.app.scheduler.retry(flowing.ids[1]).await;
        assert!(retried.expect("an answer").is_some());
        flowing.come_to(&[Completed, Completed, Cancelled]).await;
        assert_eq!(
            store.prune(Cancelled, later, 10).await.expect("an answer"),
            1
        );
        assert_eq!(
            store.prune(Completed, later, 10).await.expect("an answer"),
            2
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_judged_at_the_librarys_door_too() {
    let database = TestDatabase::sqlite();
    let mut flow = Flow::default();
    flow.job(good());
    let flowing = Flowing::on(&database, flow).await;
    for wrong in [
        NewJob {
            args: json!({}),
            ..good()
        },
        good().in_queue("email"),
        good().in_queue("no name"),
    ] {
        let mut flow = Flow::default();
        flow.job(wrong);
        let refused = flowing.app.scheduler.enqueue_flow(flow).await;
        assert!(
            matches!(refused, Err(EnqueueError::Unfit(_))),
            "{refused:?}"
        );
    }
}

fn completed(job: JobRow) -> [Settled; 1] {
    let verdict = Verdict {
        state: Completed,
        run_at: None,
        free: false,
        ending: Ending::Completed,
        error: None,
        result: None,
    };
    let at = Timestamp::UNIX_EPOCH;
    [Settled {
        job: job.into(),
        verdict,
        at,
    }]
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_and_operators_enqueue_a_flow_and_see_it_as_a_graph() {
    for database in TestDatabase::both() {
        let flowing = Flowing::on(&database, {
            let mut flow = Flow::default();
            flow.job(good());
            flow
        })
        .await;
        let operator = Visitor::operator(&flowing.app);
        let later = json!({"kind": "simple_task", "delay_seconds": 60});
        let task = json!({"kind": "simple_task"});
        let new = json!({"jobs": [
            {"name": "pay", "job": later},
            {"name": "pack", "job": task, "after": {"pay": "success"}},
            {"name": "refund", "job": task, "after": {"pay": "success", "pack": "failure"}},
        ]});
        let made = operator
            .post_json("/api/v1/flows", &new)
            .await
            .with_status(201);
        let graph = made.json();
        let ids: Vec<_> = numbers(&graph["jobs"], "id");
        assert_eq!(graph["flow"], ids[0]);
        let edge = |before, after, upon| json!({"before": before, "after": after, "upon": upon});
        let edges = json!([
            edge(ids[0], ids[1], "success"),
            edge(ids[0], ids[2], "success"),
            edge(ids[1], ids[2], "failure"),
        ]);
        assert_eq!(graph["edges"], edges);
        assert_eq!(made.location(), format!("/api/v1/jobs/{}/flow", ids[0]));
        let seen = operator.get(&format!("/api/v1/jobs/{}/flow", ids[2])).await;
        assert_eq!(seen.with_status(200).json(), graph);
        let shown = operator.get(&format!("/api/v1/jobs/{}", ids[1])).await;
        assert_eq!(shown.with_status(200).json()["flow"], ids[0]);

        let terminal = Terminal::at(&database);
        let told = terminal.say(&format!("jobs flow {} --json", ids[1])).done();
        assert_eq!(serde_json::from_str::<Value>(&told).expect("JSON"), graph);
        let table = terminal.say(&format!("jobs flow {}", ids[1])).done();
        let last = table.lines().last().expect("lines");
        let waits = format!("success of {}, failure of {}", ids[0], ids[1]);
        assert!(last.ends_with(&waits), "{table}");
    }
}

fn numbers(rows: &Value, field: &str) -> Vec<i64> {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| row[field].as_i64().expect("a number"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_is_wrong_is_refused_with_all_that_is_wrong_and_nothing_is_enqueued() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
        .start()
        .await;
    let operator = Visitor::operator(&app);
    let task = json!({"kind": "simple_task"});
    let wrong = json!({"jobs": [
        {"name": "a", "job": {"kind": "no_such_kind"}},
        {"name": "a", "job": task},
        {"name": "b", "job": task, "after": {"a": "success", "b": "end"}},
    ]});
    let problem = operator
        .post_json("/api/v1/flows", &wrong)
        .await
        .with_status(422);
    let errors = &problem.json()["errors"];
    assert_eq!(errors["jobs[0].job.kind"][0]["code"], "unknown");
    assert_eq!(errors["jobs[1].name"][0]["code"], "taken");
    assert_eq!(errors["jobs[2].after.b"][0]["code"], "unknown");
    let elsewhere = json!({"kind": "simple_task", "queue": "no_such_queue"});
    let elsewhere = json!({"jobs": [{"name": "a", "job": elsewhere}]});
    let unique = json!({"kind": "simple_task", "unique_key": "x"});
    let unique = json!({"jobs": [{"name": "a", "job": unique}]});
    for wrong in [elsewhere, unique] {
        operator
            .post_json("/api/v1/flows", &wrong)
            .await
            .with_status(422);
    }
    let none = json!({"jobs": []});
    operator
        .post_json("/api/v1/flows", &none)
        .await
        .with_status(422);
    let odd = json!({"jobs": [{"name": "a", "job": task, "after": {"a": "luck"}}]});
    operator
        .post_json("/api/v1/flows", &odd)
        .await
        .with_status(400);
    assert_eq!(app.store.job_counts().await.expect("counts"), []);

    operator.get("/api/v1/jobs/1/flow").await.with_status(404);
    let stranger = Visitor::new(&app);
    let request = stranger.request(Method::POST, "/api/v1/flows").json(&none);
    stranger.send(request).await.with_status(401);
}
