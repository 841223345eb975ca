//! A start while the database is away.

use std::time::Duration;

use futures_util::future::join_all;

use super::PATIENCE;
use crate::support::{
    database::{PostgresServer, TestDatabase},
    program::Program,
    visitor::Visitor,
    wire::{Mode, Wire},
};

const WAITED_FOR: &str = "the database is away; it is waited for";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_starts_before_its_database_waits_for_it() {
    let server = PostgresServer::new();
    let database = TestDatabase::on(&server);
    server.stop();
    let program = Program::begun(&database, &[]);
    program.logs(WAITED_FOR).await;
    server.start();
    let program = program.await_ready().expect("it serves");
    let visitor = Visitor::at(&program.url, PATIENCE);
    visitor.get("/readyz").await.with_status(200);
    visitor.sign_up("maria").await;
    let waits = program.logged();
    let waits = waits.iter().filter(|line| line["message"] == WAITED_FOR);
    assert_eq!(waits.count(), 1, "it says so once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_come_is_told_of_in_one_line_and_one_that_says_nothing_too() {
    let faults = [Mode::Refuse, Mode::Hold].map(async |fault| {
        let server = PostgresServer::new();
        let wire = Wire::to(&server).await;
        wire.set(fault).await;
        let program = Program::begun(&wire.database(), &[("RUST_LOG", "off")]);
        let ended = tokio::task::spawn_blocking(|| program.end());
        let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
        let (status, said) = ended.expect("it does not wait for ever").expect("it ends");
        assert_eq!(status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.starts_with("cadastro: the database is away: "),
            "{said}"
        );
        assert!(said.contains("--database-url"), "{said}");
    });
    join_all(faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_heard_while_the_database_is_waited_for() {
    for fault in [Mode::Refuse, Mode::Hold] {
        let server = PostgresServer::new();
        let wire = Wire::to(&server).await;
        wire.set(fault).await;
        let program = Program::begun(&wire.database(), &[]);
        program.logs(WAITED_FOR).await;
        assert_eq!(program.terminate().code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_nobody_in_is_not_waited_for() {
    let server = PostgresServer::new();
    let database = server.database();
    let (address, _) = database.rsplit_once('/').expect("a URL has a path");
    for (url, why) in [
        (
            format!("{address}/nowhere"),
            "database \"nowhere\" does not exist",
        ),
        (
            format!("{}/postgres", address.replace("postgres@", "nobody@")),
            "role \"nobody\" does not exist",
        ),
    ] {
        let refused = Program::refused(&TestDatabase::at(url), &[]);
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(why), "{said}");
    }
}
