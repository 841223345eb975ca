//! The database away, hung or locked: an answer within three seconds, nothing half-saved, and recovery
//! without opening the store anew.

use std::time::{Duration, Instant};

use cadastro::{
    metrics::Metrics,
    queue::JobId,
    store::{Move, PoolSize, Store, StoreError, Which},
};
use futures_util::future::join_all;
use tokio::net::TcpListener;

use super::{Raw, Subject, at, job, on_both, sign_up, sign_up_all, signed_up};
use crate::support::database::{PostgresServer, TestDatabase};

/// A page must have answered by then.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asserts that the answer was "try later", and that it came in time.
async fn is_away<T>(question: impl Future<Output = Result<T, StoreError>>) {
    let begun = Instant::now();
    let answer = question.await.map(drop);
    assert!(matches!(answer, Err(StoreError::Away(_))), "{answer:?}");
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_again() {
    let server = PostgresServer::new();
    let metrics = Metrics::new("postgres");
    let url = server.database();
    let store = Store::postgres(&url, PoolSize::default(), metrics.clone()).expect("a store");
    store.migrate().await.expect("migrated");
    for name in ["maria", "joana"] {
        // All connections are open when the server goes.
        join_all((0..20).map(|_| store.ping())).await;
        server.stop();
        let new = [sign_up(name, &format!("{name}@example.com"))];
        is_away(store.ping()).await;
        is_away(store.users(None, 10)).await;
        is_away(sign_up_all(&store, &new)).await;
        assert_eq!(metrics.db_up.get(), 0);

        server.start();
        store.ping().await.expect("it answers again");
        assert_eq!(metrics.db_up.get(), 1);
        let answers = join_all((0..20).map(|_| store.ping())).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let [new] = new;
        assert!(!signed_up(&store, new).await.repeated);
    }
    assert_eq!(store.users(None, 10).await.expect("an answer").len(), 2);
}

#[tokio::test]
async fn a_server_that_takes_the_call_and_says_nothing_is_away() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let url = format!("postgres://postgres@127.0.0.1:{port}/silent?sslmode=disable");
    let size = PoolSize(2);
    let store = Store::postgres(&url, size, Metrics::new("postgres")).expect("a store");
    // The third waits for a connection that the others wait for.
    tokio::join!(
        is_away(store.ping()),
        is_away(store.ping()),
        is_away(store.ping())
    );
    is_away(store.ping()).await;
    assert_eq!(store.connections(), [("idle", 0), ("used", 0)]);
}

#[tokio::test]
async fn a_write_that_must_wait_too_long_is_given_up_and_leaves_nothing() {
    on_both(async |subject| {
        let store = &subject.store;
        let mut raw = subject.raw().await;
        raw.run(match raw {
            Raw::Sqlite(_) => "BEGIN IMMEDIATE",
            Raw::Postgres(_) => "BEGIN; LOCK TABLE users",
        })
        .await;
        let new = sign_up("maria", "maria@example.com");
        is_away(sign_up_all(store, std::slice::from_ref(&new))).await;
        raw.run("COMMIT").await;
        assert!(!signed_up(store, new).await.repeated);
        assert_eq!(store.users(None, 10).await.expect("an answer").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_that_wait_for_each_other_are_no_outage() {
    let subject = Subject::on(TestDatabase::postgres()).await;
    let rows = subject.store.enqueue(&[job("a"), job("a")], at(0)).await;
    let ids: Vec<_> = rows.expect("enqueued").iter().map(|row| row.id).collect();
    let mut rival = subject.raw().await;
    // The server looks whether somebody waits for a waiter: after so long for ours, and never for the rival.
    let name = subject.database.url().rsplit('/').next();
    let name = name.expect("a database");
    rival
        .run(&format!(
            "ALTER DATABASE {name} SET deadlock_timeout = '2s'"
        ))
        .await;
    rival.run("SET deadlock_timeout = '1h'").await;
    let lock = |id: JobId| format!("UPDATE jobs SET priority = 1 WHERE id = {id}");
    rival.run(&format!("BEGIN; {}", lock(ids[1]))).await;

    let metrics = Metrics::new("postgres");
    let url = subject.database.url();
    let ours = Store::postgres(url, PoolSize::default(), metrics.clone()).expect("a store");
    let all = Which::These(ids.clone());
    let moved = ours.move_all(Move::Cancel, &all, at(1), drop);
    let crossed = async {
        let waits = "SELECT CAST(count(*) AS TEXT) AS line FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut raw = subject.raw().await;
        raw.until(waits, |count| count == ["1"]).await;
        rival.run(&format!("{}; COMMIT", lock(ids[0]))).await;
    };
    let (moved, ()) = tokio::join!(moved, crossed);
    assert!(matches!(moved, Err(StoreError::Crossed(_))), "{moved:?}");
    assert_eq!(metrics.db_up.get(), 1);
    let moved = ours.move_all(Move::Cancel, &all, at(1), drop).await;
    assert_eq!(moved.expect("asked again").changed, 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing").join("cadastro.db");
    let store = Store::sqlite(&missing, Metrics::new("sqlite")).expect("opened when it is needed");
    is_away(store.ping()).await;
}
