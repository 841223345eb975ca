//! A server with no room left, and a table that somebody keeps for themselves.

use futures_util::future::join_all;
use tokio_postgres::{Client, NoTls};

use super::{PATIENCE, every_door_says_so};
use crate::support::{
    app::TestApp,
    database::{PostgresServer, TestDatabase},
    visitor::Visitor,
    wire::{Mode, Wire},
};

/// A connection of somebody else's, unless there is no room for it.
async fn somebody_else(database: &TestDatabase) -> Option<Client> {
    let connected = tokio_postgres::connect(database.url(), NoTls).await;
    let (client, connection) = connected.ok()?;
    tokio::spawn(connection);
    Some(client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_too_many_connections_is_waited_for() {
    let server = PostgresServer::with_room_for(12);
    let wire = Wire::to(&server).await;
    let app = TestApp::start(&wire.database()).await;
    let visitor = Visitor::with_patience(&app, PATIENCE);
    wire.set(Mode::Refuse).await;
    let mut others = Vec::new();
    while let Some(other) = somebody_else(&wire.database_behind()).await {
        others.push(other);
    }
    wire.set(Mode::Pass).await;
    let form = every_door_says_so(&visitor, "maria").await;
    drop(others);
    form.is_taken(&visitor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_nobody_waits_for_do_not_gather_on_the_server() {
    let database = TestDatabase::postgres();
    let app = TestApp::start(&database).await;
    let locker = somebody_else(&database).await.expect("a connection");
    let lock = locker.batch_execute("BEGIN; LOCK TABLE users");
    lock.await.expect("the table is locked");
    for _ in 0..3 {
        let answers = join_all((0..10).map(|_| app.store.users(None, 1))).await;
        assert!(answers.iter().all(Result::is_err));
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let waiting = locker.query_one(waiting, &[]).await.expect("an answer");
    let waiting: i64 = waiting.get(0);
    assert!(waiting <= 10, "{waiting} wait");
    locker.batch_execute("COMMIT").await.expect("unlocked");
    app.store.users(None, 1).await.expect("an answer");
}
