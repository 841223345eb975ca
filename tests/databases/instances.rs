//! Who serves: entered, alive, struck out; and the jobs that the dead leave behind.

use cadastro::{
    queue::{JobId, TASK},
    store::{InstanceRow, Store},
};

use super::{Subject, at, claimed, enqueued, enter, job, on_both};

async fn names(store: &Store) -> Vec<String> {
    let rows = store.instances().await.expect("an answer");
    rows.into_iter().map(|row| row.id).collect()
}

async fn seen(store: &Store, id: &str) -> InstanceRow {
    let rows = store.instances().await.expect("an answer");
    let row = rows.into_iter().find(|row| row.id == id);
    row.expect("it is entered")
}

async fn orphans(store: &Store) -> Vec<JobId> {
    let jobs = store.orphans().await.expect("an answer");
    jobs.into_iter().map(|job| job.id).collect()
}

async fn executing(store: &Store, owner: &str) -> Vec<JobId> {
    let jobs = store.executing(owner).await.expect("an answer");
    jobs.into_iter().map(|job| job.id).collect()
}

#[tokio::test]
async fn the_jobs_of_an_instance_are_orphans_once_it_is_struck_out() {
    on_both(async |subject| {
        let store = &subject.store;
        enter(store, "dead").await;
        enqueued(store, job("a")).await;
        let left = claimed(store, "a", "dead").await;
        assert_eq!(orphans(store).await, []);

        let dead = seen(store, "dead").await;
        assert!(store.strike_out(&dead).await.expect("an answer"));
        assert_eq!(orphans(store).await, [left.id]);
        // Once is enough, and the dead do not come back under the same name.
        assert!(!store.strike_out(&dead).await.expect("an answer"));
        assert!(!store.beat("dead").await.expect("an answer"));
        assert_eq!(executing(store, "dead").await, [left.id]);
        assert_eq!(executing(store, "here").await, []);
    })
    .await;
}

#[tokio::test]
async fn whoever_leaves_is_gone_and_nobody_else() {
    on_both(async |subject| {
        let store = &subject.store;
        enter(store, "there").await;
        store.leave("there").await.expect("an answer");
        let left = if subject.is_sqlite() {
            vec![]
        } else {
            vec!["here"]
        };
        assert_eq!(names(store).await, left);
        store.leave("nobody").await.expect("an answer");
        assert_eq!(names(store).await, left);
    })
    .await;
}

#[tokio::test]
async fn whoever_enters_a_file_is_the_only_one_there() {
    on_both(async |subject| {
        let store = &subject.store;
        enter(store, "later").await;
        match subject.is_sqlite() {
            // One process at a time serves a file.
            true => assert_eq!(names(store).await, ["later"]),
            false => assert_eq!(names(store).await, ["here", "later"]),
        }
        assert!(store.beat("later").await.expect("an answer"));
    })
    .await;
}

#[tokio::test]
async fn a_sign_of_life_at_the_last_moment_saves_an_instance() {
    let subject = Subject::on(crate::support::database::TestDatabase::postgres()).await;
    let store = &subject.store;
    let before = seen(store, "here").await;
    assert!(store.beat("here").await.expect("an answer"));
    assert_eq!(seen(store, "here").await.beats, before.beats + 1);
    assert!(!store.strike_out(&before).await.expect("an answer"));
    assert_eq!(names(store).await, ["here"]);
}

#[tokio::test]
async fn whoever_was_struck_out_claims_nothing_more() {
    let subject = Subject::on(crate::support::database::TestDatabase::postgres()).await;
    let store = &subject.store;
    enqueued(store, job("a")).await;
    let here = seen(store, "here").await;
    assert!(store.strike_out(&here).await.expect("an answer"));
    let claim = store.claim(TASK, &["a"], 1, "here", at(1)).await;
    assert_eq!(claim.expect("an answer").jobs, []);
    enter(store, "again").await;
    claimed(store, "a", "again").await;
}

#[tokio::test]
async fn all_instances_on_one_server_have_one_time_and_those_on_a_file_the_machines() {
    on_both(async |subject| {
        let time = subject.store.time().await.expect("an answer");
        assert_eq!(time.is_none(), subject.is_sqlite());
    })
    .await;
}
