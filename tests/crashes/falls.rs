//! Actors that fall: they begin anew and lose nothing, and one that falls too often does not go on for ever.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    judge::{self, Found},
    people::{Person, in_state},
    stage::{Stage, get, post},
    support::{
        database::TestDatabase,
        program::{Program, watch},
        smtp::{Do, Step},
    },
};

/// How long a test waits for what only asking can show.
const PATIENCE: Duration = Duration::from_secs(60);

async fn stage(database: TestDatabase, what: &str) -> Stage {
    // Seen if the test fails.
    println!("{what} on {database}");
    let stage = Stage::on(database).await;
    stage.resume_all().await;
    stage
}

async fn actor(program: &Program, name: &str) -> Value {
    let actors = get(program, "actors").await;
    let actors = actors["actors"].as_array().expect("a list");
    let found = actors.iter().find(|actor| actor["name"] == name);
    found.expect("the actor").clone()
}

/// Another life of the program ends what is left, and nothing was lost or done twice.
async fn all_is_well(stage: &mut Stage) {
    let program = stage.start(&[]);
    stage.sign_up(&program).await;
    stage.all_done(&program).await;
    let found = Found::of(stage).await;
    assert_eq!((found.lost, found.finished_twice), (0, 0), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_falls_loses_nothing_and_finds_its_whole_crew_again() {
    for point in ["entered", "hand_out", "turned", "attempt_ended"] {
        for database in TestDatabase::both() {
            let mut stage = stage(database, point).await;
            let program = stage.start(&[
                ("FAIL_POINTS", &format!("scheduler.{point}@1-3=panic")),
                // What was claimed and not handed out is found at the next look at the table.
                ("CADASTRO_LEASE", "1s"),
                ("CADASTRO_EMAIL_ACTORS", "2"),
                ("CADASTRO_TASK_ACTORS", "5"),
                // Not in this life.
                ("CADASTRO_PARAMETER_TASK", "1h"),
                ("CADASTRO_SHUTDOWN_GRACE", "0s"),
            ]);
            stage.sign_up(&program).await;
            for receipt in stage.receipts() {
                watch(&program, receipt, in_state("completed", 2)).await;
            }
            assert_eq!(actor(&program, "scheduler").await["restarts"], 3);

            // Two more people, and in the end five tasks and two letters are under way: the whole crew.
            stage.post.always(Step::Data, Do::Hang);
            stage.people.extend(["joana", "rui"].map(Person::called));
            stage.sign_up(&program).await;
            for (n, receipt) in stage.receipts().into_iter().enumerate() {
                let executing = if n < 3 { 1 } else { 2 };
                watch(&program, receipt, in_state("executing", executing)).await;
            }
            assert_eq!(program.terminate().code(), Some(0));
            stage.post.accept_everything();
            all_is_well(&mut stage).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_that_falls_over_a_sign_up_lets_it_be_sent_again() {
    for point in [
        "registrar.sign_up",
        "sign_up.after_user",
        "sign_up.after_commit",
    ] {
        for database in TestDatabase::both() {
            let mut stage = stage(database, point).await;
            let program = stage.start(&[("FAIL_POINTS", &format!("{point}@1-3=panic"))]);
            stage.sign_up(&program).await;
            stage.all_done(&program).await;
            assert_eq!(actor(&program, "registrar").await["restarts"], 3);
            let found = Found::of(&stage).await;
            assert_eq!((found.lost, found.finished_twice), (0, 0), "{found:?}");
            assert_eq!(program.terminate().code(), Some(0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_falls_of_the_scheduler_or_the_registrar_in_a_minute_end_the_process() {
    for (actor, point) in [
        ("scheduler", "scheduler.turned"),
        ("registrar", "registrar.sign_up"),
    ] {
        for database in TestDatabase::both() {
            let mut stage = stage(database, point).await;
            let fail = format!("{point}=panic");
            // Nobody is left who would let running jobs end: it does not wait for them.
            let grace = ("CADASTRO_SHUTDOWN_GRACE", "1h");
            let program = stage.start(&[("FAIL_POINTS", &fail), ("RUST_LOG", "off"), grace]);
            stage.sign_up(&program).await;
            let (status, said) = program.ended().await;
            assert_eq!(status.code(), Some(1));
            let line = format!(
                "cadastro: the {actor} fell too often; see the log, and start the program again"
            );
            assert_eq!(said, line);
            judge::whole(&stage).await;
            all_is_well(&mut stage).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_actor_that_falls_too_often_pauses_its_queue_and_no_other() {
    let both =
        TestDatabase::both().map(|database| tokio::spawn(letters_that_fell_an_actor(database)));
    for played in join_all(both).await {
        played.expect("all is as it should be");
    }
}

async fn letters_that_fell_an_actor(database: TestDatabase) {
    let mut stage = stage(database, "letters").await;
    stage
        .people
        .extend(["joana", "rui", "zeca"].map(Person::called));
    let fail = "handler.before_start(welcome_email)@1-6=panic";
    let program = stage.start(&[("FAIL_POINTS", fail)]);
    stage.sign_up(&program).await;
    let paused = timeout(PATIENCE, async {
        loop {
            let queue = queue(&program, "email").await;
            if queue["paused"] == true {
                return queue;
            }
        }
    });
    let paused = paused.await.expect("the queue is paused");
    let because = "its actors fell too often; mend the cause, then resume the queue";
    assert_eq!(paused["paused_because"], because);
    assert_eq!(actor(&program, "task").await["restarts"], 0);

    assert_eq!(queue(&program, "task").await["paused"], false);
    for receipt in stage.receipts() {
        watch(&program, receipt, in_state("completed", 2)).await;
    }
    let task = post(&program, "jobs", &json!({"kind": "simple_task"})).await;
    let task = task.expect("an answer")["id"].as_i64().expect("a number");
    let done = timeout(PATIENCE, async {
        while get(&program, &format!("jobs/{task}")).await["state"] != "completed" {}
    });
    done.await.expect("the other queue goes on");
    assert_eq!(stage.post.seen().letters.len(), 0);

    stage.say("queues resume email");
    stage.all_done(&program).await;
    let found = Found::of(&stage).await;
    assert_eq!((found.lost, found.letters_twice), (0, 0), "{found:?}");
}

async fn queue(program: &Program, name: &str) -> Value {
    let queues = get(program, "queues").await;
    let queues = queues["queues"].as_array().expect("a list");
    let found = queues.iter().find(|queue| queue["name"] == name);
    found.expect("the queue").clone()
}
