//! How jobs come into the table: once, checked, in the caller's own transaction, by the thousand; and what may
//! be changed of them before they start.

mod edits;
mod many;
mod transactions;

use cadastro::{
    actors::EnqueueError,
    jobs::{Context, Done, JobError, Task, Unfit},
    queue::{ARGS_BYTES, Job, JobId, State, TASK, Unique},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    page::Page,
    visitor::{TOKEN, Visitor},
};

/// A task of which there is one for each subject, which has to have a name.
#[derive(Deserialize, Serialize)]
struct Index {
    subject: String,
}

impl Job for Index {
    const KIND: &'static str = "index";

    fn check(&self) -> Result<(), String> {
        match self.subject.is_empty() {
            true => Err("the subject has no name".to_owned()),
            false => Ok(()),
        }
    }

    fn unique(&self) -> Option<Unique> {
        Some(Unique::by_args())
    }
}

impl Task for Index {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        Ok(Done::default())
    }
}

fn index(subject: &str) -> Index {
    let subject = subject.to_owned();
    Index { subject }
}

/// cadastro on a clock that stands, and an operator at its door.
struct Door {
    app: TestApp,
    operator: Visitor,
}

impl Door {
    async fn on(database: &TestDatabase) -> Self {
        let app = TestApp::builder(database)
            .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
            .jobs(|jobs| jobs.task::<Index>())
            .start()
            .await;
        let operator = Visitor::operator(&app);
        Door { app, operator }
    }

    /// One where no task starts.
    async fn paused_on(database: &TestDatabase) -> Self {
        let door = Self::on(database).await;
        let paused = door.app.scheduler.pause(TASK, "for a test").await;
        paused.expect("paused");
        door
    }

    async fn post(&self, path: &str, body: Value) -> Page {
        let path = format!("/api/v1/jobs{path}");
        self.operator.post_json(&path, &body).await
    }

    /// Enqueues a job over the API; gives its number.
    async fn create(&self, body: Value) -> i64 {
        let job = self.post("", body).await.with_status(201).json();
        job["id"].as_i64().expect("a number")
    }

    async fn show(&self, id: i64) -> Value {
        let path = format!("/api/v1/jobs/{id}");
        self.operator.get(&path).await.with_status(200).json()
    }

    /// Waits until a job has come this far.
    async fn reaches(&self, id: i64, state: State) {
        let find = |store: cadastro::store::Store| async move {
            let job = store.job(JobId(id)).await.expect("the database answers");
            job.into_iter().collect()
        };
        let there = self
            .app
            .until(find, |jobs| jobs.iter().any(|job| job.state == state));
        there.await;
    }
}

/// The code of the only thing that is wrong.
#[track_caller]
fn code<'a>(problem: &'a Value, field: &str) -> &'a str {
    let wrong = problem["errors"][field][0]["code"].as_str();
    wrong.unwrap_or_else(|| panic!("{field} in {problem}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_job_with_the_same_key_is_answered_with_the_first() {
    for database in TestDatabase::both() {
        let door = Door::paused_on(&database).await;
        let new = json!({"kind": "simple_task", "unique_key": "x"});
        let first = door.post("", new.clone()).await.with_status(201);
        let second = door.post("", new.clone()).await.with_status(200);
        assert_eq!(first.json(), second.json(), "{database}");
        assert_eq!(first.location(), second.location());
        assert_eq!(first.json()["unique_key"], "simple_task:x");
        let id = first.json()["id"].as_i64().expect("a number");

        let batch = json!({"jobs": [new, {"kind": "simple_task"}, {"kind": "simple_task", "unique_key": "y"}]});
        let inserted = door.post("/batch", batch).await.with_status(201).json();
        assert_eq!(inserted, json!({"inserted": 2}), "{database}");

        // Once it has ended, another may come.
        door.post(&format!("/{id}/cancel"), json!({}))
            .await
            .with_status(200);
        assert_eq!(door.show(id).await["unique_key"], Value::Null);
        assert_ne!(door.create(new).await, id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_says_in_full_for_what_and_for_how_long_it_is_the_only_one() {
    for database in TestDatabase::both() {
        let door = Door::paused_on(&database).await;
        let about = |text: &str, unique: Value| json!({"kind": "parameter_task", "args": {"parameter": text}, "unique": unique});
        door.create(about("a", json!({}))).await;
        door.post("", about("a", json!({}))).await.with_status(200);
        door.create(about("b", json!({}))).await;

        // One in each hour, whatever becomes of it.
        let hourly = || {
            let ever = ["executing", "completed", "discarded", "cancelled"];
            about(
                "c",
                json!({"key": "c", "period_seconds": 3600, "while_in": ever}),
            )
        };
        let id = door.create(hourly()).await;
        door.post(&format!("/{id}/cancel"), json!({}))
            .await
            .with_status(200);
        door.post("", hourly()).await.with_status(200);
        door.app.clock.advance(std::time::Duration::from_secs(3600));
        door.create(hourly()).await;

        // The newest wins as long as the other waits.
        let id = door.create(about("d", json!({"key": "d"}))).await;
        let newer = about("e", json!({"key": "d", "wins": "replace"}));
        let replaced = door.post("", newer).await.with_status(200).json();
        assert_eq!(replaced["id"], id);
        assert_eq!(replaced["args"], json!({"parameter": "e"}));

        for (field, wrong) in [
            (
                "unique",
                json!({"kind": "simple_task", "unique_key": "x", "unique": {}}),
            ),
            (
                "unique_key",
                json!({"kind": "simple_task", "unique_key": ""}),
            ),
            (
                "unique.period_seconds",
                about("f", json!({"period_seconds": 0.5})),
            ),
        ] {
            let problem = door.post("", wrong).await.with_status(422).json();
            code(&problem, field);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_keeps_others_out_by_itself_whoever_enqueues_it() {
    for database in TestDatabase::both() {
        let door = Door::paused_on(&database).await;
        let jobs = vec![index("a").now(), index("b").now(), index("a").now()];
        let rows = door.app.scheduler.enqueue(jobs).await.expect("enqueued");
        let are_new: Vec<_> = rows.iter().map(|row| row.is_new()).collect();
        assert_eq!(are_new, [true, true, false], "{database}");
        let by_name = json!({"kind": "index", "args": {"subject": "a"}});
        let there = door.post("", by_name).await.with_status(200).json();
        assert_eq!(there["id"], rows[0].id.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_do_not_fit_come_through_no_door() {
    for database in TestDatabase::both() {
        let door = Door::paused_on(&database).await;
        let named = |subject: &str| json!({"kind": "index", "args": {"subject": subject}});
        // The largest that fit: `{"subject":""}` and the name.
        let long = "x".repeat(ARGS_BYTES - 14);
        door.create(named(&long)).await;
        let longer = format!("{long}x");
        let problem = door.post("", named(&longer)).await.with_status(422).json();
        assert_eq!(code(&problem, "args"), "too_large");
        let told = problem["errors"]["args"][0]["message"].as_str();
        assert!(told.is_some_and(|told| told.contains("65536")), "{told:?}");
        let problem = door.post("", named("")).await.with_status(422).json();
        let told = problem["errors"]["args"][0]["message"].as_str();
        assert!(
            told.is_some_and(|told| told.contains("has no name")),
            "{told:?}"
        );

        let refused = async |job: Index| {
            let jobs = vec![index("fits").now(), job.now()];
            match door.app.scheduler.enqueue(jobs).await {
                Err(EnqueueError::Unfit(unfit)) => unfit,
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(refused(index("")).await, Unfit::Refused { .. }));
        assert!(
            matches!(refused(index(&longer)).await, Unfit::TooLarge { bytes, .. } if bytes == ARGS_BYTES + 1)
        );
        // Neither of the two came in.
        let all = door.app.store.jobs(&Default::default(), None, 10).await;
        assert_eq!(all.expect("an answer").len(), 1, "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_jobs_are_one_request_and_one_more_is_too_many() {
    for database in TestDatabase::both() {
        let door = Door::paused_on(&database).await;
        let job = |n: usize| json!({"kind": "parameter_task", "args": {"parameter": n}, "delay_seconds": 3600});
        let mut jobs: Vec<_> = (0..10_000).map(job).collect();
        // A machine that is busy with other tests may not write them in the time that a transaction has.
        let mut batch = door.post("/batch", json!({"jobs": jobs})).await;
        for _ in 0..20 {
            if batch.status == 503 {
                batch = door.post("/batch", json!({"jobs": jobs})).await;
            }
        }
        assert_eq!(
            batch.with_status(201).json(),
            json!({"inserted": 10_000}),
            "{database}"
        );
        let newest = door.app.store.jobs(&Default::default(), None, 1).await;
        assert_eq!(newest.expect("an answer")[0].args, r#"{"parameter":9999}"#);

        jobs.push(job(10_000));
        let batch = door.post("/batch", json!({"jobs": jobs})).await;
        assert_eq!(code(&batch.with_status(422).json(), "jobs"), "too_many");
    }
}
