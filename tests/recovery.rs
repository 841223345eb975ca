//! The program killed, stopped and started again: nothing is lost.

use std::{collections::BTreeSet, fs};

use std::time::Duration;

use cadastro::{queue::State, store::JobRow};

use crate::support::{
    database::TestDatabase,
    program::{BINARY, Program, sign_up, watch},
    raw::Raw,
};

pub fn all(state: &'static str) -> impl Fn(&str) -> bool {
    move |jobs| jobs.matches(&format!("data-state=\"{state}\"")).count() == 3
}

fn some(state: &'static str) -> impl Fn(&str) -> bool {
    move |jobs| jobs.contains(&format!("data-state=\"{state}\""))
}

pub async fn jobs(database: &TestDatabase, receipt: &str) -> Vec<JobRow> {
    let found = database.store().receipt(receipt).await;
    let found = found.expect("the database answers");
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
        let store = database.store();
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
async fn an_instance_that_is_slow_to_enter_does_not_take_itself_for_dead() {
    let database = TestDatabase::postgres();
    let migrated = database.store().migrate().await;
    migrated.expect("it can be migrated");
    let mut lock = Raw::open(database.url()).await;
    lock.run("BEGIN; LOCK TABLE instances").await;
    let hasty = [QUICK.as_slice(), &[("CADASTRO_LEASE", "1s")]].concat();
    let program = Program::start(&database, &hasty);
    let receipt = sign_up(&program, "maria").await;
    let mut onlooker = Raw::open(database.url()).await;
    let waiting = "SELECT query_start || ' ' || query AS line FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND query LIKE '%\"instances\"%'";
    let mut waits = BTreeSet::new();
    // Until it has tried to enter for the second time, or gives a sign of life without having entered.
    let twice = |lines: Vec<String>| {
        waits.extend(lines);
        waits.len() >= 2
    };
    onlooker.until(waiting, twice).await;
    let beats = |wait: &String| wait.contains("UPDATE \"instances\"");
    assert!(!waits.iter().any(beats), "{waits:?}");
    lock.run("COMMIT").await;
    watch(&program, &receipt, all("completed")).await;
    let said = program.log();
    assert!(!said.contains("silent"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_stop_that_waits_for_running_jobs() {
    let database = TestDatabase::sqlite();
    let patient = [SLOW.as_slice(), &[("CADASTRO_SHUTDOWN_GRACE", "1h")]].concat();
    let program = Program::start(&database, &patient);
    let receipt = sign_up(&program, "maria").await;
    watch(&program, &receipt, some("executing")).await;
    program.signal("TERM");
    // Once nobody is let in any more, it has heard the first one.
    let healthz = format!("{}/healthz", program.url);
    let heard = async { while reqwest::get(&healthz).await.is_ok() {} };
    let heard = tokio::time::timeout(Duration::from_secs(60), heard).await;
    heard.expect("it stops");
    program.signal("TERM");
    assert_eq!(program.ended().await.0.code(), Some(0));

    let program = Program::start(&database, &QUICK);
    watch(&program, &receipt, all("completed")).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn the_program_that_people_run_breaks_at_no_fail_point() {
    let database = TestDatabase::sqlite();
    let fail = "migration.before=kill;sign_up.before_commit=kill;handler.after_start=abort";
    let settings = [QUICK.as_slice(), &[("FAIL_POINTS", fail)]].concat();
    let program = Program::start(&database, &settings);
    let receipt = sign_up(&program, "maria").await;
    watch(&program, &receipt, all("completed")).await;
    let binary = fs::read(BINARY).expect("the program can be read");
    let binary = String::from_utf8_lossy(&binary);
    for name in ["FAIL_POINTS", "sign_up.before_commit"] {
        assert!(!binary.contains(name), "{name}");
    }
}
