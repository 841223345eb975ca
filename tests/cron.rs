//! What is enqueued by the calendar: at its instant and once, whatever happens to instances, clocks and
//! operators.

mod doors;

use std::time::Duration;

use cadastro::{
    app::{App, AppError},
    config::{Config, Source},
    jobs::{Context, Done, JobError, Task},
    queue::{Cron, Job, State},
    store::{JobFilter, JobRow, Store},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, TestAppBuilder},
    database::TestDatabase,
    visitor::{TOKEN, Visitor},
};

/// Declares an entry of its own.
#[derive(Deserialize, Serialize)]
struct Tick {}

impl Job for Tick {
    const KIND: &'static str = "tick";
    const CRON: Option<Cron> = Some(Cron::at("*/5 * * * *"));
}

impl Task for Tick {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        Ok(Done::default())
    }
}

fn at(instant: &str) -> Timestamp {
    instant.parse().expect("an instant")
}

/// For whose jobs nobody has to wait, with a door for operators.
fn quick(database: &TestDatabase) -> TestAppBuilder {
    TestApp::builder(database)
        .set("CADASTRO_SIMPLE_TASK", "0s")
        .set("CADASTRO_PARAMETER_TASK", "0s")
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
}

/// One that knows `Tick` as well.
async fn ticking(database: &TestDatabase) -> TestApp {
    let app = quick(database).jobs(|jobs| jobs.task::<Tick>());
    app.start().await
}

/// An operator's entry, whose jobs are told from those of others by their arguments.
async fn add(operator: &Visitor, name: &str, schedule: &str, more: Value) {
    let mut entry = json!({
        "name": name,
        "kind": "parameter_task",
        "args": {"parameter": name},
        "schedule": schedule,
    });
    let fields = entry.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    operator
        .post_json("/api/v1/cron", &entry)
        .await
        .with_status(201);
}

async fn jobs_of(store: Store, kind: &str) -> Vec<JobRow> {
    let filter = JobFilter {
        kind: Some(kind.to_owned()),
        ..JobFilter::default()
    };
    let mut jobs = store.jobs(&filter, None, 1000).await.expect("an answer");
    jobs.sort_by_key(|job| job.run_at);
    jobs
}

/// Waits until so many jobs of a kind are done, and gives all that there are.
async fn done(app: &TestApp, kind: &str, count: usize) -> Vec<JobRow> {
    let completed = |jobs: &[JobRow]| {
        let done = jobs.iter().filter(|job| job.state == State::Completed);
        done.count() >= count
    };
    app.until(|store| jobs_of(store, kind), completed).await
}

/// For which instants an entry of `add` has got jobs.
fn instants(jobs: &[JobRow], name: &str) -> Vec<String> {
    let of_it = |job: &&JobRow| job.args.contains(&format!("\"{name}\""));
    let jobs = jobs.iter().filter(of_it);
    jobs.map(|job| job.run_at.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_fires_at_each_of_its_instants_and_its_job_bears_it() {
    for database in TestDatabase::both() {
        let app = ticking(&database).await;
        app.advance(Duration::from_millis(299_999));
        // Whatever was due by then has been seen to when this job is done.
        let new = app.scheduler.catalogue().new_job("simple_task", json!({}));
        let new = new.expect("a known kind");
        app.scheduler.enqueue(vec![new]).await.expect("enqueued");
        done(&app, "simple_task", 1).await;
        assert!(jobs_of(app.store.clone(), "tick").await.is_empty());

        app.advance(Duration::from_millis(1));
        done(&app, "tick", 1).await;
        app.advance(Duration::from_secs(300));
        let ticks = done(&app, "tick", 2).await;
        let due: Vec<_> = ticks.iter().map(|job| job.run_at).collect();
        assert_eq!(
            due,
            [at("2026-11-22T12:05:00Z"), at("2026-11-22T12:10:00Z")]
        );
        let entry = app.store.entry("tick").await.expect("an answer");
        let entry = entry.expect("it is declared");
        assert_eq!(entry.last_at, Some(due[1]));
        assert_eq!(entry.last_job, Some(ticks[1].id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_instances_one_fires_each_instant() {
    let database = TestDatabase::postgres();
    let (one, other) = (ticking(&database).await, ticking(&database).await);
    for count in 1..=20 {
        one.clock.advance(Duration::from_secs(300));
        other.clock.advance(Duration::from_secs(300));
        let jobs = one.store.clone();
        let mut changes = (one.scheduler.changes(), other.scheduler.changes());
        while jobs_of(jobs.clone(), "tick").await.len() < count {
            // Whoever fired it may hand it out, or leave it to the other.
            tokio::select! {
                _ = changes.0.recv() => {}
                _ = changes.1.recv() => {}
            }
        }
    }
    let ticks = jobs_of(one.store.clone(), "tick").await;
    let mut due: Vec<_> = ticks.iter().map(|job| job.run_at).collect();
    due.dedup();
    assert_eq!((due.len(), ticks.len()), (20, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_missed_is_made_up_for_as_each_entry_says() {
    for database in TestDatabase::both() {
        let app = quick(&database).start().await;
        let operator = Visitor::operator(&app);
        add(&operator, "1-skip", "@hourly", json!({"missed": "skip"})).await;
        add(&operator, "2-once", "@hourly", json!({})).await;
        add(&operator, "3-all", "@hourly", json!({"missed": "all:3"})).await;
        app.stop();

        let later = at("2026-11-22T17:30:00Z");
        let app = quick(&database).standing_at(later).start().await;
        // They are seen to in the order of their names.
        let jobs = done(&app, "parameter_task", 4).await;
        assert_eq!(instants(&jobs, "1-skip"), [""; 0]);
        assert_eq!(instants(&jobs, "2-once"), ["2026-11-22T17:00:00Z"]);
        assert_eq!(
            instants(&jobs, "3-all"),
            [
                "2026-11-22T15:00:00Z",
                "2026-11-22T16:00:00Z",
                "2026-11-22T17:00:00Z"
            ]
        );
        // All of them go on at the next instant.
        app.advance(Duration::from_secs(1800));
        let jobs = done(&app, "parameter_task", 7).await;
        for name in ["1-skip", "2-once", "3-all"] {
            let last = instants(&jobs, name).pop();
            assert_eq!(last.as_deref(), Some("2026-11-22T18:00:00Z"), "{name}");
        }
        assert_eq!(jobs.len(), 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_entry_does_not_fire_and_makes_up_for_nothing_once_enabled() {
    for database in TestDatabase::both() {
        let app = quick(&database).start().await;
        let operator = Visitor::operator(&app);
        add(&operator, "1-off", "@hourly", json!({"missed": "all:9"})).await;
        add(&operator, "2-on", "@hourly", json!({})).await;
        let set = async |action: &str| {
            let path = format!("/api/v1/cron/1-off/{action}");
            let answer = operator.post_json(&path, &json!({})).await;
            answer.with_status(200).json()
        };
        let disabled = set("disable").await;
        assert_eq!(
            (&disabled["enabled"], &disabled["next_at"]),
            (&json!(false), &Value::Null)
        );
        for count in 1..=2 {
            app.advance(Duration::from_secs(3600));
            done(&app, "parameter_task", count).await;
        }
        app.advance(Duration::from_secs(60));
        let enabled = set("enable").await;
        assert_eq!(enabled["next_at"], "2026-11-22T15:00:00.000000Z");
        app.advance(Duration::from_secs(3540));
        let jobs = done(&app, "parameter_task", 4).await;
        assert_eq!(instants(&jobs, "1-off"), ["2026-11-22T15:00:00Z"]);
        assert_eq!(instants(&jobs, "2-on").len(), 3);
    }
}

/// Two entries at 01:30 in Lisbon, which differ in `word`, and the one after which they have been seen to.
async fn in_lisbon(app: &TestApp, word: &str, [usual, other]: [&str; 2]) {
    let operator = Visitor::operator(app);
    for (name, said) in [("1-usual", usual), ("2-other", other)] {
        let more = json!({"zone": "Europe/Lisbon", word: said});
        add(&operator, name, "30 1 * * *", more).await;
    }
    add(
        &operator,
        "3-hourly",
        "30 * * * *",
        json!({"zone": "Europe/Lisbon"}),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_of_day_that_comes_twice_runs_once_or_twice() {
    for database in TestDatabase::both() {
        // The clocks of Lisbon go from 02:00 to 01:00 at 01:00 UTC.
        let app = quick(&database).standing_at(at("2026-10-25T00:00:00Z"));
        let app = app.start().await;
        in_lisbon(&app, "fold", ["once", "twice"]).await;
        app.advance(Duration::from_secs(1800));
        done(&app, "parameter_task", 3).await;
        app.advance(Duration::from_secs(3600));
        let jobs = done(&app, "parameter_task", 5).await;
        assert_eq!(instants(&jobs, "1-usual"), ["2026-10-25T00:30:00Z"]);
        let both = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"];
        assert_eq!(instants(&jobs, "2-other"), both);
        assert_eq!(instants(&jobs, "3-hourly"), both);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_of_day_that_is_left_out_runs_right_after_or_not_at_all() {
    for database in TestDatabase::both() {
        // The clocks of Lisbon go from 01:00 to 02:00 at 01:00 UTC.
        let app = quick(&database).standing_at(at("2027-03-28T00:45:00Z"));
        let app = app.start().await;
        in_lisbon(&app, "gap", ["after", "skip"]).await;
        app.advance(Duration::from_secs(900));
        done(&app, "parameter_task", 1).await;
        app.advance(Duration::from_secs(1800));
        let jobs = done(&app, "parameter_task", 2).await;
        assert_eq!(instants(&jobs, "1-usual"), ["2027-03-28T01:00:00Z"]);
        assert_eq!(instants(&jobs, "2-other"), [""; 0]);
        assert_eq!(instants(&jobs, "3-hourly"), ["2027-03-28T01:30:00Z"]);
    }
}

/// Declares what never comes.
#[derive(Deserialize, Serialize)]
struct Never {}

impl Job for Never {
    const KIND: &'static str = "never";
    const CRON: Option<Cron> = Some(Cron::at("0 0 30 2 *"));
}

impl Task for Never {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        Ok(Done::default())
    }
}

#[tokio::test]
async fn a_program_that_declares_a_wrong_entry_does_not_start() {
    let database = TestDatabase::sqlite();
    let config = Config::read(|setting| {
        let url = database.url().to_owned();
        (setting.env == "DATABASE_URL").then_some((url, Source::Environment))
    });
    let app = App::builder(config.expect("good settings"));
    let refused = app.jobs(|jobs| jobs.task::<Never>()).start().await;
    let said = match refused {
        Err(error @ AppError::Catalogue(_)) => error.to_string(),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it started"),
    };
    assert!(
        said.contains("`never`") && said.contains("`0 0 30 2 *` never comes"),
        "{said}"
    );
}
