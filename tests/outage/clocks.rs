//! The machine's time of day leaps: nothing starts early, and nothing waits for it.

use std::time::{Duration, Instant};

use cadastro::{
    queue::State,
    store::{JobFilter, JobRow},
};
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    recovery::{all, jobs},
    support::{
        database::TestDatabase,
        program::{sign_up, watch},
        time_of_day::InItsOwnTime,
        visitor::{TOKEN, Visitor},
    },
};

const DELAY: Duration = Duration::from_secs(5);

/// A clock that is put right goes wrong by a hundredth at the most.
const EXACT: f64 = 0.98;

/// Enqueues jobs that are due tomorrow.
async fn put_off(url: &str, count: usize) {
    let operator = Visitor::at(url, Duration::from_secs(60));
    let operator = operator.with(reqwest::header::AUTHORIZATION, &format!("Bearer {TOKEN}"));
    let job = json!({"kind": "simple_task", "args": {}, "delay_seconds": 24 * 3600});
    let batch = json!({"jobs": vec![job; count]});
    let answer = operator.post_json("/api/v1/jobs/batch", &batch).await;
    answer.with_status(201);
}

const SETTINGS: [(&str, &str); 4] = [
    ("CADASTRO_SIMPLE_TASK", "1s"),
    ("CADASTRO_PARAMETER_TASK", "1s"),
    ("CADASTRO_WELCOME_DELAY", "5s"),
    ("CADASTRO_OPERATOR_TOKEN", TOKEN),
];

async fn a_leap(by: &str, database: TestDatabase, clock: InItsOwnTime) {
    put_off(&clock.program.url, 20).await;
    let begun = Instant::now();
    let receipt = sign_up(&clock.program, "maria").await;
    clock.leap(by);
    clock.program.logs("the time of day has leapt").await;
    // Which it has to within the test's patience, and that is no day and no hour.
    watch(&clock.program, &receipt, all("completed")).await;
    let waited = begun.elapsed();
    assert!(
        waited >= DELAY.mul_f64(EXACT),
        "{by}: too early, after {waited:?}"
    );

    let letter = jobs(&database, &receipt).await.remove(0);
    let due = letter.run_at.duration_since(letter.created_at);
    assert_eq!(due.as_secs(), 5);
    let filter = JobFilter {
        state: Some(State::Scheduled),
        ..JobFilter::default()
    };
    let rest = database.store().jobs(&filter, None, 100).await;
    let rest: Vec<JobRow> = rest.expect("the database answers");
    assert_eq!(rest.len(), 20, "{by}: what is due tomorrow has begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leap_of_the_clock_starts_nothing_early_and_keeps_nothing_waiting() {
    let leaps = ["+1h", "-1h", "+1d", "-1d"].into_iter();
    let leaps = leaps.flat_map(|by| TestDatabase::both().map(|database| (by, database)));
    let started = leaps.map(|(by, database)| {
        let clock = InItsOwnTime::start(&database, &SETTINGS);
        (by, database, clock)
    });
    // A start holds up this thread: all of them before the first request, or a program would wait for it in vain.
    let started: Vec<_> = started.collect();
    let leaps = started
        .into_iter()
        .map(|(by, database, clock)| a_leap(by, database, clock));
    join_all(leaps).await;
}
