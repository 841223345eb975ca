//! The program killed, stopped and started again: nothing is lost.

use std::time::Duration;

use cadastro::{
    metrics::Metrics,
    queue::State,
    store::{JobRow, PoolSize, Store},
};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::support::{database::TestDatabase, program::Program};

/// How long a test waits for news before it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Signs somebody up over HTTP, and gives the receipt.
pub async fn sign_up(program: &Program, username: &str) -> String {
    let answer = reqwest::Client::new()
        .post(format!("{}/api/v1/signups", program.url))
        .json(&json!({
            "username": username,
            "email": format!("{username}@example.com"),
            "password": "correct horse battery",
        }))
        .send()
        .await
        .expect("the program answers");
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.expect("JSON");
    answer["receipt"].as_str().expect("a receipt").to_owned()
}

/// Watches a receipt as its page does, until its jobs are as the test wants them.
pub async fn watch(program: &Program, receipt: &str, enough: impl Fn(&str) -> bool) {
    let url = format!("{}/signup/{receipt}/events", program.url);
    let answer = reqwest::get(url).await.expect("the program answers");
    assert_eq!(answer.status(), 200);
    let mut news = answer.bytes_stream();
    let mut seen = String::new();
    let waited = tokio::time::timeout(PATIENCE, async {
        while !enough(seen.rsplit("event: jobs").next().unwrap_or_default()) {
            let more = news
                .next()
                .await
                .expect("more news")
                .expect("the stream holds");
            seen.push_str(&String::from_utf8_lossy(&more));
        }
    });
    assert!(
        waited.await.is_ok(),
        "the receipt did not come that far: {seen}"
    );
}

pub fn all(state: &'static str) -> impl Fn(&str) -> bool {
    move |jobs| jobs.matches(&format!("data-state=\"{state}\"")).count() == 3
}

fn some(state: &'static str) -> impl Fn(&str) -> bool {
    move |jobs| jobs.contains(&format!("data-state=\"{state}\""))
}

pub fn open(database: &TestDatabase) -> Store {
    let opened = match database.url().strip_prefix("sqlite://") {
        Some(path) => Store::sqlite(path.as_ref(), Metrics::new("sqlite")),
        None => Store::postgres(
            database.url(),
            PoolSize::default(),
            Metrics::new("postgres"),
        ),
    };
    opened.expect("the database opens")
}

pub async fn jobs(database: &TestDatabase, receipt: &str) -> Vec<JobRow> {
    let found = open(database)
        .receipt(receipt)
        .await
        .expect("the database answers");
    found.expect("the receipt exists").jobs
}

pub const SLOW: [(&str, &str); 3] = [
    ("CADASTRO_SIMPLE_TASK", "1h"),
    ("CADASTRO_PARAMETER_TASK", "1h"),
    ("CADASTRO_WELCOME_DELAY", "1s"),
];

pub const QUICK: [(&str, &str); 3] = [
    ("CADASTRO_SIMPLE_TASK", "0s"),
    ("CADASTRO_PARAMETER_TASK", "0s"),
    ("CADASTRO_WELCOME_DELAY", "0s"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_job_left_by_a_dead_process_runs_again_at_the_next_start() {
    for database in TestDatabase::both() {
        // Nobody waits for that.
        let lease = [("CADASTRO_LEASE", "1h")];
        let program = Program::start(&database, &[SLOW.as_slice(), &lease].concat());
        let receipt = sign_up(&program, "maria").await;
        watch(&program, &receipt, |jobs| {
            jobs.matches("data-state=\"executing\"").count() == 2
        })
        .await;
        program.kill();

        let program = Program::start(&database, &[QUICK.as_slice(), &lease].concat());
        watch(&program, &receipt, all("completed")).await;
        let store = open(&database);
        for job in jobs(&database, &receipt).await {
            let interrupted = job.kind != "welcome_email";
            assert_eq!(
                job.attempt,
                if interrupted { 2 } else { 1 },
                "{database} {job:?}"
            );
            let attempts = store.attempts(job.id).await.expect("the database answers");
            let outcomes: Vec<_> = attempts
                .iter()
                .map(|attempt| attempt.outcome.as_str())
                .collect();
            assert_eq!(outcomes, if interrupted { vec!["rescued"] } else { vec![] });
        }
        assert_eq!(store.letters(10).await.expect("letters").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_was_answered_is_there_after_a_kill() {
    for database in TestDatabase::both() {
        let program = Program::start(&database, &SLOW);
        let mut receipts = Vec::new();
        for username in ["maria", "jose", "ana"] {
            receipts.push(sign_up(&program, username).await);
        }
        program.kill();
        for receipt in &receipts {
            assert_eq!(jobs(&database, receipt).await.len(), 3, "{database}");
        }
        let program = Program::start(&database, &QUICK);
        for receipt in &receipts {
            watch(&program, receipt, all("completed")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_hands_running_jobs_back_and_does_not_charge_them() {
    for database in TestDatabase::both() {
        let slow = [SLOW.as_slice(), &[("CADASTRO_SHUTDOWN_GRACE", "0s")]].concat();
        let program = Program::start(&database, &slow);
        let receipt = sign_up(&program, "maria").await;
        watch(&program, &receipt, |jobs| {
            jobs.matches("data-state=\"executing\"").count() == 2
        })
        .await;
        let status = program.terminate();
        assert_eq!(status.code(), Some(0), "{database}");
        for job in jobs(&database, &receipt).await {
            if job.kind != "welcome_email" {
                assert_eq!(job.state, State::Available, "{database}");
                assert_eq!((job.attempt, job.max_attempts), (1, 21), "{database}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_running_jobs_end_within_the_grace_period() {
    let database = TestDatabase::sqlite();
    let settings = [
        ("CADASTRO_SIMPLE_TASK", "1s"),
        ("CADASTRO_PARAMETER_TASK", "1s"),
    ];
    let program = Program::start(&database, &settings);
    let receipt = sign_up(&program, "maria").await;
    watch(&program, &receipt, some("executing")).await;
    assert_eq!(program.terminate().code(), Some(0));
    for job in jobs(&database, &receipt).await {
        if job.kind != "welcome_email" {
            assert_eq!((job.state, job.attempt), (State::Completed, 1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_file_is_refused() {
    let database = TestDatabase::sqlite();
    let first = Program::start(&database, &QUICK);
    let refused = Program::refused(&database, &QUICK);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("another cadastro already serves"), "{said}");
    // The first is none the worse for it.
    let receipt = sign_up(&first, "maria").await;
    watch(&first, &receipt, all("completed")).await;
}
