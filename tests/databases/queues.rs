//! What operators decide of queues, and how claims keep to it on all instances together.

use std::{collections::BTreeSet, time::Duration};

use cadastro::{
    queue::{Held, Left, Limits, NewJob, Rate, State, TASK},
    store::{Claim, JobRow, QueueChange, QueueRow, Removal, Store},
};

use super::{
    answered, at,
    attempts::{settled, verdict},
    claimed, enqueued, enter, job, on_both, state_of,
};

const REPORTS: &str = "reports";

const TWO_A_MINUTE: Rate = Rate {
    burst: 2,
    period: Duration::from_secs(60),
};

async fn set(store: &Store, set: QueueChange) {
    store.set_queue(TASK, set).await.expect("an answer");
}

async fn claim(store: &Store, limit: usize, second: i64) -> Claim {
    let claim = store.claim(TASK, &["a"], limit, "here", at(second)).await;
    claim.expect("an answer")
}

fn of(key: &str) -> NewJob {
    job("a").limit_key(key)
}

async fn end(store: &Store, job: &JobRow) {
    let end = [settled(job, verdict())];
    assert_eq!(answered(|| store.settle(&end)).await, [true]);
}

fn keys(claim: &Claim) -> Vec<Option<&str>> {
    claim
        .jobs
        .iter()
        .map(|job| job.limit_key.as_deref())
        .collect()
}

#[tokio::test]
async fn what_is_decided_of_a_queue_holds_until_it_is_changed_or_taken_back() {
    on_both(async |subject| {
        let (store, other) = (&subject.store, subject.another_store());
        let all = QueueChange {
            workers: Some(Some(3)),
            at_once: Some(Some(5)),
            at_once_per_key: Some(Some(1)),
            rate: Some(Some(TWO_A_MINUTE)),
        };
        let there = store.set_queue(REPORTS, QueueChange::default()).await;
        there.expect("an answer");
        store.set_queue(REPORTS, all).await.expect("an answer");
        store
            .pause_queue(REPORTS, "a test", at(1))
            .await
            .expect("an answer");
        let some = QueueChange {
            workers: Some(None),
            at_once: Some(Some(6)),
            ..QueueChange::default()
        };
        other.set_queue(REPORTS, some).await.expect("an answer");
        let row = QueueRow {
            name: REPORTS.to_owned(),
            paused_at: Some(at(1)),
            because: Some("a test".to_owned()),
            workers: None,
            limits: Limits {
                at_once: Some(6),
                at_once_per_key: Some(1),
                rate: Some(TWO_A_MINUTE),
            },
        };
        assert_eq!(store.queues().await.expect("an answer"), [row]);
    })
    .await;
}

#[tokio::test]
async fn a_queue_is_removed_once_all_of_its_jobs_are_finished() {
    on_both(async |subject| {
        let store = &subject.store;
        let remove = async || store.remove_queue(TASK).await.expect("an answer");
        assert_eq!(remove().await, Removal::Unknown);
        set(store, QueueChange::default()).await;
        enqueued(store, job("a")).await;
        assert_eq!(remove().await, Removal::InUse);
        let row = claimed(store, "a", "here").await;
        assert_eq!(remove().await, Removal::InUse);
        end(store, &row).await;
        assert_eq!(remove().await, Removal::Done);
        assert_eq!(store.queues().await.expect("an answer"), []);
        assert_eq!(state_of(store, &row).await, State::Completed);
    })
    .await;
}

#[tokio::test]
async fn no_more_jobs_execute_at_once_than_the_queue_allows_whoever_claims_them() {
    on_both(async |subject| {
        const JOBS: usize = 120;
        let limit = QueueChange {
            at_once: Some(Some(3)),
            ..QueueChange::default()
        };
        set(&subject.store, limit).await;
        let jobs = vec![job("a"); JOBS];
        subject.store.enqueue(&jobs, at(0)).await.expect("enqueued");
        let mut claimers = tokio::task::JoinSet::new();
        for name in ["one", "two", "three", "four"] {
            let store = subject.another_store();
            enter(&store, name).await;
            claimers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claim = || store.claim(TASK, &["a"], 7, name, at(1));
                    let claim = answered(claim).await;
                    let counts = store.job_counts().await.expect("an answer");
                    let executing = counts.iter().find(|count| count.state == State::Executing);
                    assert!(
                        executing.is_none_or(|count| count.jobs <= 3),
                        "{executing:?}"
                    );
                    for job in &claim.jobs {
                        end(&store, job).await;
                        mine.push(job.id);
                    }
                    if claim.left == Left::Nothing && claim.jobs.is_empty() {
                        return mine;
                    }
                }
            });
        }
        let all = claimers.join_all().await.concat();
        assert_eq!(all.len(), JOBS);
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), JOBS);
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_a_limit_cuts_says_what_to_wait_for() {
    on_both(async |subject| {
        let store = &subject.store;
        let jobs = vec![job("a"); 9];
        store.enqueue(&jobs, at(0)).await.expect("enqueued");
        let limit = QueueChange {
            at_once: Some(Some(2)),
            ..QueueChange::default()
        };
        set(store, limit).await;
        let first = claim(store, 5, 1).await;
        assert_eq!(
            (first.jobs.len(), first.left),
            (2, Left::Held(Held::UntilOneEnds))
        );
        assert_eq!(claim(store, 5, 1).await.jobs, []);
        end(store, &first.jobs[0]).await;
        assert_eq!(claim(store, 5, 1).await.jobs.len(), 1);

        let more = QueueChange {
            at_once: Some(Some(5)),
            ..QueueChange::default()
        };
        set(store, more).await;
        let rest = claim(store, 2, 1).await;
        // Its own free actors were what cut this one.
        assert_eq!((rest.jobs.len(), rest.left), (2, Left::Perhaps));
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_one_limit_key_does_not_keep_back_the_others() {
    on_both(async |subject| {
        let store = &subject.store;
        let limit = QueueChange {
            at_once_per_key: Some(Some(1)),
            ..QueueChange::default()
        };
        set(store, limit).await;
        // More than are looked at in one go.
        store
            .enqueue(&vec![of("a"); 1200], at(0))
            .await
            .expect("enqueued");
        let late = [of("b"), job("a"), of("b"), of("c"), job("a")];
        store.enqueue(&late, at(1)).await.expect("enqueued");
        let first = claim(store, 9, 2).await;
        let expected = [Some("a"), Some("b"), None, Some("c"), None];
        assert_eq!(keys(&first), expected);
        assert_eq!(first.left, Left::Held(Held::UntilOneEnds));
        assert_eq!(claim(store, 9, 2).await.jobs, []);
        end(store, &first.jobs[1]).await;
        assert_eq!(keys(&claim(store, 9, 2).await), [Some("b")]);
    })
    .await;
}

#[tokio::test]
async fn no_more_jobs_start_than_the_rate_allows_on_all_instances_together() {
    on_both(async |subject| {
        let (store, other) = (&subject.store, subject.another_store());
        let limit = QueueChange {
            rate: Some(Some(TWO_A_MINUTE)),
            ..QueueChange::default()
        };
        set(store, limit).await;
        let jobs = vec![job("a"); 9];
        store.enqueue(&jobs, at(0)).await.expect("enqueued");
        let until = |second| Left::Held(Held::Until(at(second)));
        assert_eq!(claim(store, 1, 10).await.left, Left::Perhaps);
        let second = claim(&other, 5, 10).await;
        assert_eq!((second.jobs.len(), second.left), (1, until(40)));
        let none = claim(store, 5, 39).await;
        assert_eq!((none.jobs.len(), none.left), (0, until(40)));
        let third = claim(store, 5, 40).await;
        assert_eq!((third.jobs.len(), third.left), (1, until(70)));
        // A rate that is taken back keeps nobody.
        let free = QueueChange {
            rate: Some(None),
            ..QueueChange::default()
        };
        set(store, free).await;
        assert_eq!(claim(store, 9, 41).await.jobs.len(), 6);
    })
    .await;
}
