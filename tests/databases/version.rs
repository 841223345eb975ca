//! As long as nobody writes, the database is in one state; whoever writes brings it to another.

use cadastro::store::StoreError;

use super::{Subject, TestDatabase, at, enqueued, job, on_both};

#[tokio::test]
async fn a_version_stays_as_it_is_until_somebody_writes() {
    on_both(async |subject| {
        let (store, other) = (&subject.store, subject.another_store());
        let version = async || store.version().await.expect("an answer");
        if !subject.is_sqlite() {
            assert_eq!(version().await, None);
            return;
        }
        let mut versions = vec![version().await];
        store.queues().await.expect("an answer");
        store.stage(at(0)).await.expect("an answer");
        assert_eq!(version().await, versions[0], "nothing was written");

        let row = enqueued(store, job("a")).await;
        versions.push(version().await);
        store.due_after(at(0), 1).await.expect("an answer");
        assert_eq!(version().await, versions[1], "reading changes nothing");

        enqueued(&other, job("b")).await;
        versions.push(version().await);

        let mut raw = subject.raw().await;
        raw.run(&format!(
            "UPDATE jobs SET priority = 1 WHERE id = {}",
            row.id
        ))
        .await;
        versions.push(version().await);

        // As it was before, and yet another state.
        raw.run(&format!(
            "UPDATE jobs SET priority = 0 WHERE id = {}",
            row.id
        ))
        .await;
        versions.push(version().await);
        for (index, version) in versions.iter().enumerate() {
            assert!(version.is_some());
            assert!(!versions[..index].contains(version), "{versions:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_connection_counts_anew_and_is_not_taken_for_the_old_one() {
    let subject = Subject::on(TestDatabase::sqlite()).await;
    let store = &subject.store;
    let before = store.version().await.expect("an answer");
    let mut raw = subject.raw().await;
    raw.run("BEGIN IMMEDIATE").await;
    let kept_waiting = store.leave("here").await;
    assert!(matches!(kept_waiting, Err(StoreError::Away(_))));
    raw.run("ROLLBACK").await;
    assert_ne!(store.version().await.expect("an answer"), before);
}
