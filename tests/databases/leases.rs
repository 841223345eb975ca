//! What is due is claimed once, in order.

use std::collections::HashSet;

use cadastro::{
    queue::{Due, JobId, NewJob, State, TASK},
    store::{Enqueued, JobRow, Store},
};
use jiff::Timestamp;

use super::{
    Raw, Subject, TestDatabase, answered, at, enqueued, enter, found, job, on_both, state_of,
};

fn due(kind: &str, priority: i32, at: Timestamp) -> NewJob {
    NewJob {
        priority,
        due: Due::At(at),
        ..job(kind)
    }
}

fn ids(jobs: &[JobRow]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

/// Enqueues jobs that stand beside any other.
async fn rows(store: &Store, jobs: &[NewJob], now: Timestamp) -> Vec<JobRow> {
    let rows = store.enqueue(jobs, now).await.expect("enqueued");
    rows.into_iter().map(Enqueued::into_row).collect()
}

async fn claim(store: &Store, kinds: &[&str], limit: usize) -> Vec<JobRow> {
    let claim = store.claim(TASK, kinds, limit, "here", at(100)).await;
    claim.expect("an answer").jobs
}

/// How many are staged, in all queues.
async fn staged(store: &Store, now: Timestamp) -> usize {
    let staged = store.stage(now).await.expect("an answer");
    staged.into_values().sum()
}

#[tokio::test]
async fn jobs_are_claimed_by_priority_then_due_instant_then_number() {
    on_both(async |subject| {
        let store = &subject.store;
        let jobs = [
            due("a", 1, at(1)),
            due("a", 0, at(3)),
            due("b", 0, at(2)),
            due("a", 0, at(2)),
            due("a", -1, at(4)),
        ];
        let rows = rows(store, &jobs, at(5)).await;
        assert!(rows.iter().all(|job| job.state == State::Available));
        let claimed = claim(store, &["a", "b"], 10).await;
        let expected = [4, 2, 3, 1, 0].map(|index: usize| rows[index].id);
        assert_eq!(ids(&claimed), expected);
    })
    .await;
}

#[tokio::test]
async fn a_claimed_job_says_whose_attempt_it_is_and_which() {
    on_both(async |subject| {
        let store = &subject.store;
        let row = enqueued(store, job("a")).await;
        assert_eq!((row.attempt, row.owner.as_deref()), (0, None));
        let claimed = claim(store, &["a"], 1).await.remove(0);
        assert_eq!(claimed.state, State::Executing);
        assert_eq!(
            (claimed.attempt, claimed.owner.as_deref()),
            (1, Some("here"))
        );
        assert_eq!(claimed.started_at, Some(at(100)));
        assert_eq!(found(store, &row).await, claimed);
        assert_eq!(claim(store, &["a"], 1).await, []);
    })
    .await;
}

#[tokio::test]
async fn no_more_jobs_are_claimed_than_asked_for() {
    on_both(async |subject| {
        let store = &subject.store;
        let jobs = vec![job("a"); 10];
        let rows = rows(store, &jobs, at(0)).await;
        assert_eq!(ids(&claim(store, &["a"], 3).await), ids(&rows[..3]));
        assert_eq!(ids(&claim(store, &["a"], 4).await), ids(&rows[3..7]));
        assert_eq!(ids(&claim(store, &["a"], 9).await), ids(&rows[7..]));
    })
    .await;
}

#[tokio::test]
async fn jobs_of_other_kinds_and_queues_are_left_alone() {
    on_both(async |subject| {
        let store = &subject.store;
        let elsewhere = NewJob {
            queue: "elsewhere".to_owned(),
            ..job("known")
        };
        let jobs = [job("unknown"), elsewhere, job("known")];
        let rows = rows(store, &jobs, at(0)).await;
        assert_eq!(ids(&claim(store, &["known"], 10).await), [rows[2].id]);
        assert_eq!(claim(store, &[], 10).await, []);
        assert_eq!(state_of(store, &rows[0]).await, State::Available);
        assert_eq!(state_of(store, &rows[1]).await, State::Available);
    })
    .await;
}

#[tokio::test]
async fn claimers_at_once_share_no_job_and_miss_none() {
    on_both(async |subject| {
        const JOBS: usize = 300;
        let jobs = vec![job("a"); JOBS];
        let rows = rows(&subject.store, &jobs, at(0)).await;
        let mut claimers = tokio::task::JoinSet::new();
        for name in ["one", "two", "three", "four"] {
            let store = subject.another_store();
            enter(&store, name).await;
            claimers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claim = || store.claim(TASK, &["a"], 7, name, at(1));
                    let claim = answered(claim).await.jobs;
                    assert!(claim.len() <= 7);
                    assert!(claim.iter().all(|job| job.owner.as_deref() == Some(name)));
                    if claim.is_empty() {
                        return mine;
                    }
                    mine.extend(ids(&claim));
                }
            });
        }
        let all = claimers.join_all().await.concat();
        assert_eq!(all.len(), JOBS, "a job was claimed twice or not at all");
        let all: HashSet<_> = all.into_iter().collect();
        assert_eq!(all, ids(&rows).into_iter().collect());
    })
    .await;
}

#[tokio::test]
async fn what_falls_due_is_staged_and_the_rest_keeps_its_instant() {
    on_both(async |subject| {
        let store = &subject.store;
        let instants = [30, 10, 20, 20, 40].map(|second| due("a", 0, at(second)));
        let rows = store.enqueue(&instants, at(0)).await.expect("enqueued");
        let next = |now, limit| async move {
            let instants = store.due_after(at(now), limit).await;
            instants.expect("an answer")
        };
        assert_eq!(next(0, 9).await, [10, 20, 20, 30, 40].map(at));
        assert_eq!(next(0, 3).await, [10, 20, 20].map(at));
        assert_eq!(next(20, 9).await, [30, 40].map(at));

        assert_eq!(staged(store, at(9)).await, 0);
        assert_eq!(staged(store, at(20)).await, 3);
        assert_eq!(staged(store, at(20)).await, 0);
        assert_eq!(state_of(store, &rows[0]).await, State::Scheduled);
        let claimed = claim(store, &["a"], 9).await;
        assert_eq!(ids(&claimed), [1, 2, 3].map(|index: usize| rows[index].id));
        assert_eq!(next(0, 9).await, [30, 40].map(at));
    })
    .await;
}

#[tokio::test]
async fn whoever_stages_learns_in_which_queues() {
    on_both(async |subject| {
        let store = &subject.store;
        let in_queue = |queue: &str, second| NewJob {
            queue: queue.to_owned(),
            ..due("a", 0, at(second))
        };
        let jobs = [
            in_queue("one", 10),
            in_queue("one", 11),
            in_queue("two", 11),
            in_queue("three", 12),
        ];
        rows(store, &jobs, at(0)).await;
        let staged = store.stage(at(11)).await.expect("an answer");
        let expected = [("one".to_owned(), 2), ("two".to_owned(), 1)];
        assert_eq!(staged, expected.into());
    })
    .await;
}

#[tokio::test]
async fn staging_passes_by_what_another_holds() {
    let subject = Subject::on(TestDatabase::postgres()).await;
    let store = &subject.store;
    let jobs = [due("a", 0, at(1)), due("a", 0, at(2))];
    let rows = rows(store, &jobs, at(0)).await;
    let mut raw = subject.raw().await;
    raw.run(&format!(
        "BEGIN; SELECT FROM jobs WHERE id = {} FOR UPDATE",
        rows[0].id
    ))
    .await;
    assert_eq!(staged(store, at(2)).await, 1);
    raw.run("COMMIT").await;
    assert_eq!(staged(store, at(2)).await, 1);
}

#[tokio::test]
async fn more_jobs_than_one_transaction_bears_are_staged_all_the_same() {
    on_both(async |subject| {
        const DUE: usize = 12_000;
        let mut raw = subject.raw().await;
        let numbers = match raw {
            Raw::Sqlite(_) => {
                "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 12000)"
            }
            Raw::Postgres(_) => "WITH numbers AS (SELECT generate_series(1, 12000) AS n)",
        };
        // All due at the same instant.
        let fill = "INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, created_at, run_at)
            SELECT 'a', 'task', 'scheduled', 0, '{}', 0, 3, 0, 1 FROM numbers";
        raw.run(&format!("{numbers} {fill}")).await;
        assert_eq!(staged(&subject.store, at(0)).await, DUE);
        let counts = subject.store.job_counts().await.expect("an answer");
        assert_eq!((counts[0].state, counts[0].jobs), (State::Available, DUE as i64));
        assert_eq!(counts.len(), 1);
    })
    .await;
}
