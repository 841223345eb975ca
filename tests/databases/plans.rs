//! The questions that every turn of the Scheduler asks are answered from an index, however many jobs
//! wait or are done. The very statements are judged that the store sends.

use std::{
    cell::Cell,
    sync::{Mutex, OnceLock},
};

use cadastro::{
    account::UserId,
    queue::{State, TASK},
    store::{JobFilter, Progress, QueueChange, Store, StoreError},
};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use jiff::Timestamp;

use super::{
    Raw, at,
    attempts::{settled, verdict},
    on_both,
};

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The SQLite file to listen to: its statements run on threads of their own.
static FILE: OnceLock<String> = OnceLock::new();

thread_local! {
    /// Whether to listen to PostgreSQL: its statements are sent from the test's own thread.
    static LISTENING: Cell<bool> = const { Cell::new(false) };
}

/// Writes down the statements of one test.
struct Scribe {
    on_our_file: bool,
}

impl Instrumentation for Scribe {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                self.on_our_file = FILE.get().is_some_and(|file| file == url);
            }
            InstrumentationEvent::StartQuery { query, .. }
                if self.on_our_file || LISTENING.get() =>
            {
                let said = query.to_string();
                let sql = said.split(" -- binds").next().unwrap_or_default();
                if ["`jobs`", "\"jobs\"", " jobs "]
                    .iter()
                    .any(|table| sql.contains(table))
                {
                    HEARD
                        .lock()
                        .expect("nobody panics here")
                        .push(sql.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// Fifty thousand jobs for another day, as many that are done, and a few of each other state.
const MANY: &str = "
    INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, created_at, run_at, owner, finished_at)
    SELECT 'a', 'task',
           CASE WHEN n % 2 = 0 THEN 'scheduled' WHEN n % 5001 = 0 THEN 'available'
                WHEN n % 5003 = 0 THEN 'executing' ELSE 'completed' END,
           0, '{}', 0, 3, 0, 4000000000000000 + n, 'owner ' || (n % 3),
           CASE WHEN n % 2 = 0 OR n % 5001 = 0 OR n % 5003 = 0 THEN NULL ELSE n END
    FROM numbers";

pub async fn fill(raw: &mut Raw) {
    let numbers = match raw {
        Raw::Sqlite(_) => {
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)"
        }
        Raw::Postgres(_) => "WITH numbers AS (SELECT generate_series(1, 100000) AS n)",
    };
    raw.run(&format!("{numbers} {MANY}")).await;
    if matches!(raw, Raw::Postgres(_)) {
        raw.run("ANALYZE").await;
    }
}

/// What the store says to the database over a question.
async fn heard<T>(question: impl Future<Output = Result<T, StoreError>>) -> Vec<String> {
    HEARD.lock().expect("nobody panics here").clear();
    LISTENING.set(true);
    let answer = question.await;
    LISTENING.set(false);
    answer.map(drop).expect("an answer");
    std::mem::take(&mut HEARD.lock().expect("nobody panics here"))
}

#[tokio::test]
async fn every_turn_is_answered_from_an_index_however_many_jobs_there_are() {
    set_default_instrumentation(|| Some(Box::new(Scribe { on_our_file: false })))
        .expect("nobody holds it");
    on_both(async |subject| {
        if let Some(path) = subject.database.url().strip_prefix("sqlite://") {
            FILE.set(path.to_owned()).expect("the only file");
        }
        // Opened only now, so that it is listened to.
        let store: Store = subject.another_store();
        let mut raw = subject.raw().await;
        fill(&mut raw).await;
        let (here, now) = ("here", at(0));
        // The first ten of those for another day.
        let due = Timestamp::from_microsecond(4_000_000_000_000_020).expect("an instant");
        let job = store.orphans().await.expect("an answer").remove(0);
        let steps = [Progress {
            job: job.id,
            attempt: job.attempt,
            percent: 50,
            message: None,
        }];
        let ends = [settled(&job, verdict())];
        let questions = [
            ("stage", heard(store.stage(due)).await, &["jobs_due"][..]),
            (
                "due_after",
                heard(store.due_after(now, 1000)).await,
                &["jobs_due"],
            ),
            (
                "claim",
                heard(store.claim(TASK, &["a"], 5, here, now)).await,
                &["jobs_available"],
            ),
            (
                "claim within limits",
                {
                    let limits = QueueChange {
                        at_once: Some(Some(999)),
                        at_once_per_key: Some(Some(2)),
                        ..QueueChange::default()
                    };
                    store.set_queue(TASK, limits).await.expect("an answer");
                    heard(store.claim(TASK, &["a"], 2, here, now)).await
                },
                &[
                    // Tried without, for what most queues are.
                    "jobs_available",
                    // Whether there is any.
                    "jobs_available",
                    "jobs_executing",
                    "jobs_available",
                    PRIMARY,
                ],
            ),
            ("settle", heard(store.settle(&ends)).await, &[EXECUTING]),
            (
                "note_progress",
                heard(store.note_progress(here, &steps)).await,
                &[EXECUTING],
            ),
            ("orphans", heard(store.orphans()).await, &["jobs_executing"]),
            (
                "executing",
                heard(store.executing(here)).await,
                &["jobs_executing"],
            ),
            ("asked", heard(store.asked(here)).await, &["jobs_executing"]),
            (
                "discarded jobs",
                heard(store.jobs(&in_state(State::Discarded), None, 20)).await,
                &["jobs_discarded"],
            ),
            (
                "cancelled jobs",
                heard(store.jobs(&in_state(State::Cancelled), None, 20)).await,
                &["jobs_cancelled"],
            ),
            (
                "queue_loads",
                heard(store.queue_loads()).await,
                &["jobs_available"],
            ),
            (
                "prune",
                heard(store.prune(State::Completed, now, 500)).await,
                &["jobs_finished", PRIMARY],
            ),
            (
                "jobs_of_user",
                heard(store.jobs_of_user(UserId(1), 10)).await,
                &["jobs_user"],
            ),
        ];
        for (question, statements, indexes) in questions {
            assert_eq!(
                statements.len(),
                indexes.len(),
                "{question}: {statements:?}"
            );
            for (sql, index) in statements.iter().zip(indexes) {
                let plan = raw.plan(sql, types(question)).await;
                let primary = ["jobs_pkey", "INTEGER PRIMARY KEY"];
                let used = match *index {
                    PRIMARY => primary.iter().any(|key| plan.contains(key)),
                    EXECUTING => {
                        let few = plan.contains("jobs_executing");
                        few || primary.iter().any(|key| plan.contains(key))
                    }
                    index => plan.contains(index),
                };
                let scans = plan.contains("Seq Scan on jobs")
                    || plan.lines().any(|line| line == "SCAN jobs")
                    // Never learns which of the entries are dead, of which each that was staged leaves one.
                    || question == "stage" && plan.contains("Bitmap");
                assert!(used && !scans, "{question}: {sql}\n{plan}");
            }
        }

        // Where many are available the index must give their order as well: else each claim would sort them all.
        raw.run("UPDATE jobs SET state = 'available', queue = 'other' WHERE state = 'scheduled'")
            .await;
        if let Raw::Postgres(_) = raw {
            raw.run("ANALYZE").await;
        }
        for sql in heard(store.claim("other", &["a", "b"], 5, here, now)).await {
            let plan = raw.plan(&sql, types("claim")).await;
            let sorts = plan.contains("Sort") || plan.contains("TEMP B-TREE");
            let used = plan.contains("jobs_available");
            assert!(used && !sorts, "{sql}\n{plan}");
        }

        // Where few wait, as it mostly is: see above.
        raw.run("UPDATE jobs SET state = CASE WHEN id % 200 = 0 THEN 'scheduled' ELSE 'completed' END WHERE queue = 'other'")
            .await;
        if let Raw::Postgres(_) = raw {
            raw.run("ANALYZE").await;
        }
        for sql in heard(store.stage(now)).await {
            let plan = raw.plan(&sql, types("stage")).await;
            let used = plan.contains("jobs_due") && !plan.contains("Bitmap");
            assert!(used, "{sql}\n{plan}");
        }
    })
    .await;
}

/// Of the parameters whose types the statement itself does not tell.
fn types(question: &str) -> &'static str {
    match question {
        "settle" => {
            "(bigint[], text[], integer[], text[], integer[], bigint[], integer[], integer[], bigint[], integer[], text[])"
        }
        "note_progress" => "(bigint[], text[], integer[], integer[], text[])",
        _ => "",
    }
}

fn in_state(state: State) -> JobFilter {
    JobFilter {
        state: Some(state),
        ..JobFilter::default()
    }
}

/// Stands for the index of the primary key, which each database calls differently.
const PRIMARY: &str = "the primary key";

/// Likewise; few jobs execute, so that their own index will do as well.
const EXECUTING: &str = "the primary key, or the index of those that execute";
