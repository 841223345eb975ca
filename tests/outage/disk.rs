//! A disk that is full, and a file that nobody may write to.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{PATIENCE, form};
use crate::{
    recovery::{all, jobs},
    support::{
        database::TestDatabase,
        disk::{OnSmallDisk, bound_by_permissions},
        program::{Program, sign_up, watch},
        raw::Raw,
        visitor::Visitor,
    },
};

const SETTINGS: [(&str, &str); 3] = [
    ("CADASTRO_SIMPLE_TASK", "2s"),
    ("CADASTRO_PARAMETER_TASK", "2s"),
    ("CADASTRO_WELCOME_DELAY", "1s"),
];

async fn is_whole(database: &TestDatabase) {
    let check = "SELECT integrity_check AS line FROM pragma_integrity_check";
    let mut raw = Raw::open(database.url()).await;
    assert_eq!(raw.lines(check).await, ["ok"]);
    let broken = "SELECT 'row ' || rowid AS line FROM pragma_foreign_key_check";
    assert_eq!(raw.lines(broken).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_for_and_breaks_nothing() {
    let disk = OnSmallDisk::start(&SETTINGS);
    let program = &disk.program;
    let visitor = Visitor::at(&program.url, PATIENCE);
    let before = sign_up(program, "before").await;
    watch(program, &before, |jobs| {
        jobs.matches("data-state=\"executing\"").count() == 2
    })
    .await;
    disk.fill();
    // What the database has already laid out still takes some.
    let mut taken = Vec::new();
    let refused = loop {
        let name = format!("visitor-{}", taken.len());
        let form = form(&visitor, name.leak()).await;
        let page = form.send(&visitor).await;
        match page.status {
            303 => taken.push(crate::support::visitor::receipt_of(&page)),
            _ => break form,
        }
    };
    refused.is_away(&visitor).await;
    visitor
        .get(&format!("/signup/{before}"))
        .await
        .with_status(200);
    visitor.get("/healthz").await.with_status(200);
    program.logs("disk is full").await;
    is_whole(&disk.as_after_a_power_cut()).await;

    disk.make_room();
    taken.push(refused.is_taken(&visitor).await);
    taken.push(before);
    for receipt in &taken {
        watch(program, receipt, all("completed")).await;
    }
    let database = disk.as_after_a_power_cut();
    is_whole(&database).await;
    for receipt in &taken {
        let jobs = jobs(&database, receipt).await;
        assert!(jobs.iter().all(|job| job.attempt == 1), "{jobs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_written_to_is_waited_for() {
    let database = TestDatabase::sqlite();
    let path = database.url().strip_prefix("sqlite://").expect("a file");
    let program = Program::start(&database, &SETTINGS);
    let before = sign_up(&program, "before").await;
    program.kill();
    let permit = |mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(path, permissions).expect("it is ours");
    };
    permit(0o444);
    let program = Program::ready(bound_by_permissions(&database, &SETTINGS));
    let visitor = Visitor::at(&program.url, PATIENCE);
    let form = form(&visitor, "maria").await;
    form.is_away(&visitor).await;
    visitor
        .get(&format!("/signup/{before}"))
        .await
        .with_status(200);
    visitor.get("/healthz").await.with_status(200);
    program.logs("readonly").await;

    permit(0o644);
    let receipt = form.is_taken(&visitor).await;
    for receipt in [&before, &receipt] {
        watch(&program, receipt, all("completed")).await;
    }
    is_whole(&database).await;
}
