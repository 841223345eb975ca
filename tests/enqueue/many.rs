//! Many jobs at once are retried or cancelled, or counted before.

use cadastro::{
    queue::{JobId, State, TASK},
    store::{JobFilter, Move, Moved, Which},
};
use serde_json::{Value, json};

use super::{Door, code};
use crate::support::{database::TestDatabase, raw::Raw};

/// Jobs in the states that matter, numbered from 1: of `a` two discarded, one cancelled, one scheduled, one
/// completed; of `b` one discarded and one that executes somewhere.
const JOBS: &str = "INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, created_at, run_at)
    SELECT kind, 'task', state, 0, '{}', 3, 3, 0, 4000000000000000 FROM (VALUES
        (1, 'a', 'discarded'), (2, 'a', 'discarded'), (3, 'a', 'cancelled'), (4, 'a', 'scheduled'),
        (5, 'a', 'completed'), (6, 'b', 'discarded'), (7, 'b', 'executing')) AS rows (n, kind, state)
    ORDER BY n";

const ERROR: &str =
    "INSERT INTO attempts (job_id, attempt, owner, started_at, finished_at, outcome, error)
    VALUES (1, 3, 'nobody', 0, 0, 'discarded', 'the other side is closed')";

async fn door(database: &TestDatabase) -> (Door, Raw) {
    let door = Door::paused_on(database).await;
    let mut raw = Raw::open(database.url()).await;
    let jobs = match raw {
        Raw::Postgres(_) => JOBS.to_owned(),
        // SQLite names the columns of VALUES by itself.
        Raw::Sqlite(_) => JOBS
            .replace(
                "SELECT kind, 'task', state",
                "SELECT column2, 'task', column3",
            )
            .replace(" AS rows (n, kind, state)", "")
            .replace("ORDER BY n", "ORDER BY column1"),
    };
    raw.run(&jobs).await;
    raw.run(ERROR).await;
    (door, raw)
}

async fn states(raw: &mut Raw) -> Vec<String> {
    raw.lines("SELECT state AS line FROM jobs ORDER BY id")
        .await
}

async fn moved(door: &Door, how: &str, body: Value) -> (u64, u64) {
    let moved = door.post(how, body).await.with_status(200).json();
    let count = |field: &str| moved[field].as_u64().expect("a number");
    (count("matched"), count("changed"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_tried_out_before_it_retries_all_that_match() {
    for database in TestDatabase::both() {
        let (door, mut raw) = door(&database).await;
        let before = states(&mut raw).await;
        let discarded =
            |dry_run| json!({"filter": {"state": "discarded", "kind": "a"}, "dry_run": dry_run});
        assert_eq!(
            moved(&door, "/retry", discarded(true)).await,
            (2, 0),
            "{database}"
        );
        assert_eq!(states(&mut raw).await, before);
        assert_eq!(
            moved(&door, "/retry", discarded(false)).await,
            (2, 2),
            "{database}"
        );
        let expected = [
            "available",
            "available",
            "cancelled",
            "scheduled",
            "completed",
            "discarded",
            "executing",
        ];
        assert_eq!(states(&mut raw).await, expected);
        assert_eq!(moved(&door, "/retry", discarded(false)).await, (0, 0));
        // All attempts were spent: there is one more. What went wrong is still on record.
        let job = door.show(1).await;
        assert_eq!(
            (&job["attempt"], &job["max_attempts"]),
            (&json!(3), &json!(4))
        );
        assert_eq!(job["attempts"][0]["error"], "the other side is closed");

        let by_kind = json!({"filter": {"kind": "b", "queue": "task"}});
        assert_eq!(moved(&door, "/retry", by_kind).await, (1, 1));
        let elsewhere = json!({"filter": {"queue": "email"}});
        assert_eq!(moved(&door, "/retry", elsewhere).await, (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_wait_are_cancelled_and_those_that_execute_are_asked_to_stop() {
    for database in TestDatabase::both() {
        let (door, mut raw) = door(&database).await;
        let all = |dry_run| json!({"all": true, "dry_run": dry_run});
        let ids = json!({"ids": [1, 2, 4711]});
        assert_eq!(moved(&door, "/retry", ids).await, (2, 2), "{database}");
        assert_eq!(moved(&door, "/cancel", all(true)).await, (4, 0));
        assert_eq!(moved(&door, "/cancel", all(false)).await, (4, 4));
        let expected = [
            "cancelled",
            "cancelled",
            "cancelled",
            "cancelled",
            "completed",
            "discarded",
            "executing",
        ];
        assert_eq!(states(&mut raw).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_said_is_never_everything() {
    for database in TestDatabase::both() {
        let (door, mut raw) = door(&database).await;
        let before = states(&mut raw).await;
        for nothing in [
            json!({}),
            json!({"filter": {}}),
            json!({"filter": {"state": null}, "dry_run": false}),
            json!({"all": false}),
            json!({"all": true, "filter": {"kind": "a"}}),
            json!({"all": true, "ids": [1]}),
            json!({"filter": {"kind": "a\u{0}b"}}),
        ] {
            for how in ["/retry", "/cancel"] {
                let problem = door
                    .post(how, nothing.clone())
                    .await
                    .with_status(422)
                    .json();
                code(&problem, "filter");
            }
        }
        door.post("/retry", json!({"filter": {"stat": "discarded"}}))
            .await
            .with_status(400);
        for empty in [json!({"ids": []}), json!({"filter": {"kind": ""}})] {
            assert_eq!(moved(&door, "/cancel", empty).await, (0, 0));
        }
        assert_eq!(states(&mut raw).await, before, "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_portion_is_moved_and_each_is_news() {
    for database in TestDatabase::both() {
        let door = Door::paused_on(&database).await;
        let mut raw = Raw::open(database.url()).await;
        let numbers = match raw {
            Raw::Sqlite(_) => {
                "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 25000)"
            }
            Raw::Postgres(_) => "WITH numbers AS (SELECT generate_series(1, 25000) AS n)",
        };
        let jobs = "INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, created_at, run_at)
            SELECT 'a', 'task', 'discarded', 0, '{}', 3, 3, 0, 0 FROM numbers";
        raw.run(&format!("{numbers} {jobs}")).await;
        let which = || {
            Which::All(JobFilter {
                queue: Some(TASK.to_owned()),
                ..JobFilter::default()
            })
        };
        let mut news = door.app.scheduler.changes();
        let moved = door
            .app
            .scheduler
            .move_all(Move::Retry, which(), false)
            .await;
        let all = Moved {
            matched: 25_000,
            changed: 25_000,
        };
        assert_eq!(moved.expect("an answer"), all, "{database}");
        assert_ne!(
            news.try_recv(),
            Err(tokio::sync::broadcast::error::TryRecvError::Empty)
        );
        let last = door.app.store.job(JobId(25_000)).await.expect("an answer");
        assert_eq!(last.expect("it is there").state, State::Available);
        let ids = (1..=25_000).map(JobId).collect();
        let counted = door
            .app
            .scheduler
            .move_all(Move::Cancel, Which::These(ids), true)
            .await;
        assert_eq!(counted.expect("an answer").matched, 25_000);
    }
}
