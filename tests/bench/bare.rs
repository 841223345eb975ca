//! The bare loops that ours are held against: the same work with no actor, timer or page around it.

use std::{
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use cadastro::{
    queue::{NewJob, Outcome, Policy, TASK, Tally, settle},
    store::{JobRow, Settled, Store},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{machine::cores, support::raw::Raw};

/// As many jobs as the Scheduler claims, and writes down, in one transaction: one for each of its 256 actors.
const BATCH: usize = 256;

const OWNER: &str = "bench";

/// A kind that nobody knows: no instance would take its jobs away.
const KIND: &str = "bare";

/// Hashes at the usual cost on a thread for each core, each with memory of its own that it keeps; a second.
pub fn hashes(lasts: Duration) -> f64 {
    let begun = Instant::now();
    let threads: Vec<_> = (0..cores())
        .map(|_| thread::spawn(move || hash_until(begun + lasts)))
        .collect();
    let made = threads.into_iter().map(|thread| thread.join());
    let made: u32 = made.map(|made| made.expect("a number of hashes")).sum();
    f64::from(made) / begun.elapsed().as_secs_f64()
}

fn hash_until(end: Instant) -> u32 {
    let params = Params::new(19_456, 2, 1, Some(Params::DEFAULT_OUTPUT_LEN)).expect("a cost");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let mut made = 0;
    while Instant::now() < end {
        let hashed = argon2.hash_password_into_with_memory(
            b"quatro cavalos azuis 7",
            &[7; 16],
            &mut output,
            &mut memory,
        );
        hashed.expect("a hash");
        made += 1;
    }
    made
}

/// Enqueues `count` jobs that are due, `batch` in a transaction; how many a second.
pub async fn enqueue(store: &Store, count: usize, batch: usize) -> f64 {
    let job = NewJob {
        args: json!({}),
        ..NewJob::of(KIND, TASK)
    };
    let jobs = vec![job; batch];
    let begun = Instant::now();
    let mut left = count;
    while left > 0 {
        let some = &jobs[..batch.min(left)];
        let rows = store.enqueue(some, Timestamp::now()).await;
        left -= rows.expect("they are saved").len();
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

/// Claims and completes all of them, a batch after the other; how many a second.
pub async fn drain(store: &Store, count: usize) -> f64 {
    let entered = store.enter(OWNER, OWNER, Timestamp::now()).await;
    entered.expect("this instance is entered");
    let begun = Instant::now();
    let mut done = 0;
    loop {
        let now = Timestamp::now();
        let claim = store.claim(TASK, &[KIND], BATCH, OWNER, now).await;
        let jobs = claim.expect("the database answers").jobs;
        if jobs.is_empty() {
            break;
        }
        let ends: Vec<_> = jobs.into_iter().map(completed).collect();
        let written = store.settle(&ends).await.expect("the database answers");
        assert!(written.iter().all(|written| *written));
        done += written.len();
    }
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    assert_eq!(done, count);
    rate
}

fn completed(job: JobRow) -> Settled {
    let tally = Tally {
        attempt: job.attempt,
        max_attempts: job.max_attempts,
        crashes: job.crashes,
    };
    let (at, outcome) = (Timestamp::now(), Outcome::Completed { result: None });
    let verdict = settle(outcome, tally, &Policy::DEFAULT, at, 0.5);
    Settled {
        job: job.into(),
        verdict,
        at,
    }
}

/// Transactions of one row each, one after the other, that reach the disk; how many a second.
pub async fn commits(url: &str, lasts: Duration) -> f64 {
    let mut raw = Raw::open(url).await;
    if url.starts_with("sqlite:") {
        raw.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            .await;
    }
    let table = "CREATE TABLE commits (at BIGINT NOT NULL, said TEXT NOT NULL)";
    raw.run(table).await;
    let begun = Instant::now();
    let mut made = 0;
    while begun.elapsed() < lasts {
        raw.run("INSERT INTO commits VALUES (1, 'a row of usual length, as rows go')")
            .await;
        made += 1;
    }
    f64::from(made) / begun.elapsed().as_secs_f64()
}
