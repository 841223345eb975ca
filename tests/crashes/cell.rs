//! One cell of the kill matrix: the process dies at one point on one database, and starts again.

use std::{fs, os::unix::process::ExitStatusExt, path::Path, process::ExitStatus};

use cadastro::queue::TASK;
use serde_json::json;

use crate::{
    judge::{self, Found},
    points::{Point, Scene},
    stage::{Stage, post},
    support::database::TestDatabase,
};

/// Lets the process die at the `passage`-th passage of `point`, starts it again, and judges what is found.
pub async fn play(point: Point, passage: u64, database: TestDatabase) -> Found {
    let mut stage = Stage::on(database).await;
    let died = match point.scene {
        Scene::SignUp => sign_up(&mut stage, &kill(point, passage)).await,
        Scene::Work(queue) => work(&mut stage, queue, &kill(point, passage), &[]).await,
        Scene::Heartbeat => {
            let fail = format!("{}(2)=kill", point.name);
            work(&mut stage, TASK, &fail, &LONG).await
        }
        Scene::Rescue => rescue(&mut stage, &kill(point, passage)).await,
        Scene::Migration => migrate(&mut stage, &kill(point, passage)).await,
    };
    assert_eq!(died.signal(), Some(9), "{point:?}: {died:?}");
    let there = judge::whole(&stage).await as usize;
    let unanswered = there - stage.receipts().len();
    if point.name == "sign_up.after_commit" {
        assert!(unanswered > 0, "{point:?}: there, and unanswered");
    }

    stage.resume_all().await;
    let program = stage.start(&[]);
    stage.sign_up(&program).await;
    stage.all_done(&program).await;
    let mut found = Found {
        unanswered,
        ..Found::of(&stage).await
    };
    found.take_in_the_death(&stage).await;
    judge::doubts_are_shown(&stage, &program).await;
    if matches!(point.scene, Scene::Heartbeat | Scene::Rescue) {
        assert_eq!(found.interrupted, 2, "{point:?}: both of the long tasks");
    }
    assert_eq!(program.terminate().code(), Some(0), "{point:?}");
    found
}

/// Tasks that do not end in their process's life, and a short lease, so that its heartbeats are many.
const LONG: [(&str, &str); 3] = [
    ("CADASTRO_SIMPLE_TASK", "1h"),
    ("CADASTRO_PARAMETER_TASK", "1h"),
    ("CADASTRO_LEASE", "1s"),
];

fn kill(point: Point, passage: u64) -> String {
    format!("{}@{passage}=kill", point.name)
}

async fn sign_up(stage: &mut Stage, fail: &str) -> ExitStatus {
    stage.resume(TASK).await;
    let program = stage.start(&[("FAIL_POINTS", fail)]);
    stage.sign_up(&program).await;
    program.ended().await.0
}

async fn work(stage: &mut Stage, queue: &str, fail: &str, more: &[(&str, &str)]) -> ExitStatus {
    let program = stage.start(&[&[("FAIL_POINTS", fail)], more].concat());
    stage.sign_up(&program).await;
    assert_eq!(stage.receipts().len(), 3, "nothing could break so far");
    post(&program, &format!("queues/{queue}/resume"), &json!({})).await;
    program.ended().await.0
}

/// A life that ends in the middle of two tasks, and one that ends while it takes them up.
async fn rescue(stage: &mut Stage, fail: &str) -> ExitStatus {
    let died = work(stage, TASK, "handler.after_start@2=kill", &[]).await;
    assert_eq!(died.signal(), Some(9));
    judge::whole(stage).await;
    stage.start_in_vain(&[("FAIL_POINTS", fail)]).await
}

/// A life of the former program, whose database lacks the newest migration; then the death of the new one.
async fn migrate(stage: &mut Stage, fail: &str) -> ExitStatus {
    let former = stage.start(&[]);
    stage.sign_up(&former).await;
    assert_eq!(former.terminate().code(), Some(0));
    let mut raw = stage.raw().await;
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(stage.store.database());
    let migrations = fs::read_dir(tree).expect("the migrations");
    let newest = migrations
        .map(|entry| entry.expect("an entry").path())
        .max();
    let down = newest.expect("a migration").join("down.sql");
    raw.run(&fs::read_to_string(down).expect("a way back"))
        .await;
    let forget = "DELETE FROM __diesel_schema_migrations
                  WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)";
    raw.run(forget).await;
    stage.start_in_vain(&[("FAIL_POINTS", fail)]).await
}
