//! Several instances on one PostgreSQL server: they share the work, and take over that of the dead.

use std::{
    sync::{Condvar, Mutex},
    time::Duration,
};

use cadastro::{
    jobs::{Context, Done, JobError, Task},
    queue::{Job, JobId, NewJob, State},
    store::{JobRow, Store},
};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::{
    recovery::{QUICK, SLOW, all, jobs},
    support::{
        app::TestApp,
        database::TestDatabase,
        program::{Program, sign_up, watch},
        raw::Raw,
    },
};

/// A second process that does what the first one no longer can.
const SHORT: [(&str, &str); 1] = [("CADASTRO_LEASE", "2s")];

fn with<'a>(one: &[(&'a str, &'a str)], other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [one, other].concat()
}

fn two_run(jobs: &str) -> bool {
    jobs.matches("data-state=\"executing\"").count() == 2
}

async fn outcomes(store: &Store, job: JobId) -> Vec<String> {
    let attempts = store.attempts(job).await.expect("the database answers");
    attempts
        .into_iter()
        .map(|attempt| attempt.outcome)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_killed_instance_go_on_in_another() {
    let database = TestDatabase::postgres();
    let first = Program::start(&database, &with(&SLOW, &SHORT));
    let receipt = sign_up(&first, "maria").await;
    watch(&first, &receipt, two_run).await;
    let second = Program::start(&database, &with(&QUICK, &SHORT));
    first.kill();
    watch(&second, &receipt, all("completed")).await;
    let store = database.store();
    for job in jobs(&database, &receipt).await {
        if job.kind != "welcome_email" {
            assert_eq!(outcomes(&store, job.id).await, ["rescued"]);
        }
    }
}

/// Has the database note, at each instance's beats and at its end, how many beats the other one has made.
const NOTE: &str = "CREATE TABLE notes (id TEXT, move TEXT, beats BIGINT);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
        INSERT INTO notes SELECT OLD.id, TG_OP, beats FROM instances WHERE id <> OLD.id; RETURN NULL; END';
    CREATE TRIGGER note AFTER UPDATE OF beats OR DELETE ON instances FOR EACH ROW EXECUTE FUNCTION note()";

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_instance_elsewhere_is_struck_out_within_the_beats_of_a_lease() {
    // A beat a second, so that a busy machine does not make the first one look silent while it lives.
    let lease = [("CADASTRO_LEASE", "5s")];
    let database = TestDatabase::postgres();
    let first = Program::start(&database, &with(&SLOW, &lease));
    let receipt = sign_up(&first, "maria").await;
    watch(&first, &receipt, two_run).await;
    let second = Program::start(&database, &with(&QUICK, &lease));
    let owner = jobs(&database, &receipt).await.remove(1).owner;
    let owner = owner.expect("it executes");

    let mut raw = Raw::open(database.url()).await;
    raw.run(NOTE).await;
    // Whoever reads this cannot look whether the process still runs.
    let elsewhere = format!("UPDATE instances SET process = 'elsewhere' WHERE id = '{owner}'");
    raw.run(&elsewhere).await;
    let beaten = format!("SELECT move AS line FROM notes WHERE id = '{owner}'");
    raw.until(&beaten, |notes| !notes.is_empty()).await;
    first.kill();
    watch(&second, &receipt, all("completed")).await;

    let beats = format!(
        "SELECT CAST(max(beats) FILTER (WHERE move = 'DELETE') - max(beats) FILTER (WHERE move = 'UPDATE') AS TEXT)
         AS line FROM notes WHERE id = '{owner}'"
    );
    let beats: i64 = raw.lines(&beats).await[0].parse().expect("a number");
    // A lease is five beats. Three looks are the least; the first may have come just before the last sign of life.
    assert!((3..=5).contains(&beats), "{beats}");
    let store = database.store();
    for job in &jobs(&database, &receipt).await[1..] {
        assert_eq!(outcomes(&store, job.id).await, ["rescued"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_was_held_for_longer_than_its_lease_finds_its_jobs_in_other_hands() {
    let database = TestDatabase::postgres();
    let first = Program::start(&database, &with(&SLOW, &SHORT));
    let receipt = sign_up(&first, "maria").await;
    watch(&first, &receipt, two_run).await;
    let held = jobs(&database, &receipt).await;

    let second = Program::start(&database, &with(&QUICK, &SHORT));
    first.signal("STOP");
    // Nobody can see that the process is not dead: it is silent, and that is all that counts.
    watch(&second, &receipt, all("completed")).await;
    first.signal("CONT");

    // It begins a new life, in which it works like any other.
    drop(second);
    let again = sign_up(&first, "jose").await;
    watch(&first, &again, two_run).await;
    let store = database.store();
    for (before, after) in held.iter().zip(jobs(&database, &receipt).await) {
        assert_eq!(after.state, State::Completed);
        if before.state == State::Executing {
            assert_eq!(after.attempt, before.attempt + 1);
            assert_ne!(after.owner, before.owner);
            assert_eq!(outcomes(&store, after.id).await, ["rescued"]);
        }
    }
    let new_life = jobs(&database, &again).await.remove(1);
    assert_ne!(new_life.owner, held[1].owner);
}

/// Holds its thread without ever awaiting anything, until the test lets go.
#[derive(Deserialize, Serialize)]
struct Block {
    held: bool,
}

static HELD: Mutex<bool> = Mutex::new(true);
static LET_GO: Condvar = Condvar::new();

impl Job for Block {
    const KIND: &'static str = "block";
}

impl Task for Block {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        if self.held {
            let held = HELD.lock().expect("nobody panics with it");
            drop(LET_GO.wait_while(held, |held| *held));
        }
        Ok(Done::default())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_block_their_threads_cost_their_instance_neither_its_lease_nor_its_letters() {
    // Long enough that a busy machine does not make the instance look silent.
    const LEASE: &str = "3s";
    let database = TestDatabase::postgres();
    let blocked = TestApp::builder(&database)
        .set("CADASTRO_LEASE", LEASE)
        .jobs(|jobs| jobs.task::<Block>())
        .start()
        .await;
    // More than there are threads for them.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let new: Vec<NewJob> = vec![Block { held: true }.now(); threads + 2];
    let rows = blocked.scheduler.enqueue(new).await.expect("enqueued");
    let rows = &rows;
    let find = |store: Store| async move {
        let found = stream::iter(rows).then(|row| store.job(row.id));
        let found: Vec<_> = found.collect().await;
        let row = |row: Result<Option<JobRow>, _>| row.expect("an answer").expect("a job");
        found.into_iter().map(row).collect::<Vec<_>>()
    };
    let executing = |jobs: &[JobRow]| jobs.iter().all(|job| job.state == State::Executing);
    let before = blocked.until(&find, executing).await;

    // A letter needs the other queue. As long as nobody else is there, it has to be this instance's.
    let receipt = crate::delays::sign_up(&blocked, "maria").await;
    blocked.clock.advance(Duration::from_secs(10));
    blocked
        .job_reaches(&receipt, "welcome_email", State::Completed)
        .await;

    // Somebody who would take the jobs over.
    let _other = TestApp::builder(&database)
        .set("CADASTRO_LEASE", LEASE)
        .start()
        .await;
    let seen = beats(&blocked.store).await;
    // Many looks of the other's, as its own beats tell.
    while beats(&blocked.store).await < seen + 12 {
        tokio::task::yield_now().await;
    }
    let after = find(blocked.store.clone()).await;
    assert_eq!(before, after, "nobody has taken them away");

    *HELD.lock().expect("nobody panics with it") = false;
    LET_GO.notify_all();
    let done = |jobs: &[JobRow]| jobs.iter().all(|job| job.state == State::Completed);
    let done = blocked.until(&find, done).await;
    assert!(done.iter().all(|job| job.attempt == 1));
}

/// The beats of all instances together.
async fn beats(store: &Store) -> i64 {
    let rows = store.instances().await.expect("an answer");
    rows.iter().map(|row| row.beats).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_for_an_instance_that_knows_its_kind() {
    for database in TestDatabase::both() {
        let older = TestApp::start(&database).await;
        let newer = Block { held: false }.now();
        let waiting = older
            .scheduler
            .enqueue(vec![newer])
            .await
            .expect("enqueued")
            .remove(0)
            .into_row();
        // A later job of a kind that it knows runs.
        let receipt = crate::delays::sign_up(&older, "maria").await;
        older
            .job_reaches(&receipt, "simple_task", State::Executing)
            .await;
        let found = older.store.job(waiting.id).await.expect("an answer");
        assert_eq!(
            found.expect("the job").state,
            State::Available,
            "{database}"
        );
        older.stop();

        let newer = TestApp::builder(&database)
            .jobs(|jobs| jobs.task::<Block>())
            .start()
            .await;
        let find = |store: Store| async move {
            store
                .job(waiting.id)
                .await
                .expect("an answer")
                .into_iter()
                .collect()
        };
        newer
            .until(find, |jobs| jobs[0].state == State::Completed)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_enqueued_is_announced_to_the_other_instances() {
    let database = TestDatabase::postgres();
    let app = TestApp::start(&database).await;
    let (client, mut connection) = tokio_postgres::connect(database.url(), NoTls)
        .await
        .expect("the database answers");
    let (heard, mut news) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |cx| connection.poll_message(cx));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(note) = message {
                // The test may have heard enough.
                let _ = heard.send(note.channel().to_owned());
            }
        }
    });
    client
        .batch_execute("LISTEN cadastro")
        .await
        .expect("an answer");
    let task = json!({ "parameter": "x" });
    let task = app.scheduler.catalogue().new_job("parameter_task", task);
    app.scheduler
        .enqueue(vec![task.expect("it is known")])
        .await
        .expect("enqueued");
    assert_eq!(news.recv().await.as_deref(), Some("cadastro"));
    crate::delays::sign_up(&app, "maria").await;
    assert_eq!(news.recv().await.as_deref(), Some("cadastro"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_free_actors_is_helped_out_by_another() {
    let database = TestDatabase::postgres();
    let one = TestApp::builder(&database)
        .set("CADASTRO_TASK_ACTORS", "1")
        .set("CADASTRO_SIMPLE_TASK", "1h")
        .set("CADASTRO_PARAMETER_TASK", "0s")
        .real_clock()
        .start()
        .await;
    // It has one actor, and that one is busy for good.
    let long = one.scheduler.catalogue().new_job("simple_task", json!({}));
    let long = one
        .scheduler
        .enqueue(vec![long.expect("it is known")])
        .await
        .expect("enqueued");
    let find = move |id: JobId| {
        move |store: Store| async move {
            store
                .job(id)
                .await
                .expect("an answer")
                .into_iter()
                .collect::<Vec<_>>()
        }
    };
    one.until(find(long[0].id), |jobs| jobs[0].state == State::Executing)
        .await;
    let other = TestApp::builder(&database)
        .set("CADASTRO_PARAMETER_TASK", "0s")
        .real_clock()
        .start()
        .await;
    // More rounds than polls fit into a test's patience: it is the news that wakes the other.
    let all = tokio::time::timeout(Duration::from_secs(60), async {
        for round in 0..40 {
            let task = json!({ "parameter": round });
            let task = one.scheduler.catalogue().new_job("parameter_task", task);
            let task = one
                .scheduler
                .enqueue(vec![task.expect("it is known")])
                .await;
            let id = task.expect("enqueued")[0].id;
            other
                .until(find(id), |jobs| jobs[0].state == State::Completed)
                .await;
        }
    });
    all.await.expect("each round takes less than a poll");
}
