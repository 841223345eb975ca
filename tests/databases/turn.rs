//! Ends and claims at one time.

use cadastro::{
    queue::{EMAIL, Left, NewJob, State, TASK},
    store::{QueueChange, Settled, Wanted},
};

use super::{
    at,
    attempts::{settled, verdict},
    claimed, enqueued, job, on_both, state_of,
};

fn wanted(queue: &str) -> Wanted<'static> {
    Wanted {
        queue: queue.into(),
        kinds: vec!["a"],
        limit: 2,
    }
}

#[tokio::test]
async fn what_ended_is_written_down_and_what_is_wanted_is_claimed_or_on_sqlite_neither() {
    on_both(async |subject| {
        let store = &subject.store;
        let done = enqueued(store, job("a")).await;
        let done = claimed(store, &done.kind, "here").await;
        let letter = enqueued(store, NewJob::of("a", EMAIL)).await;
        let task = enqueued(store, job("a")).await;
        let foreign = enqueued(store, job("b")).await;

        let mut raw = subject.raw().await;
        raw.run("ALTER TABLE queues RENAME TO gone").await;
        let queues = [wanted(TASK), wanted(EMAIL), wanted("reports")];
        let ends = [settled(&done, verdict()), settled(&task, verdict())];
        let failed = store.settle_and_claim(&ends, &queues, "here", at(2)).await;
        // The second was never begun.
        let ours = [true, false];
        if subject.is_sqlite() {
            failed.ours.expect_err("no claim can be made");
            assert!(failed.claims.is_empty());
            assert_eq!(state_of(store, &done).await, State::Executing);
        } else {
            assert_eq!(failed.ours.expect("an answer"), ours);
            assert!(failed.claims.iter().all(Result::is_err));
            assert_eq!(failed.claims.len(), 3);
        }
        raw.run("ALTER TABLE gone RENAME TO queues").await;

        let shared = store.settle_and_claim(&ends, &queues, "here", at(2)).await;
        // A late end by now, where the first try wrote it.
        let ours = [subject.is_sqlite(), false];
        assert_eq!(shared.ours.expect("an answer"), ours);
        let claims = shared
            .claims
            .into_iter()
            .map(|claim| claim.expect("a claim"));
        let claims: Vec<_> = claims
            .map(|claim| {
                let jobs = claim.jobs.into_iter().map(|job| job.id);
                (jobs.collect::<Vec<_>>(), claim.left)
            })
            .collect();
        let expected = [
            (vec![task.id], Left::Nothing),
            (vec![letter.id], Left::Nothing),
            (vec![], Left::Nothing),
        ];
        assert_eq!(claims, expected);
        assert_eq!(state_of(store, &done).await, State::Completed);
        assert_eq!(state_of(store, &foreign).await, State::Available);
    })
    .await;
}

/// The refused end may be of any queue, and makes no room in this one until it is written.
#[tokio::test]
async fn a_claim_within_limits_waits_for_ends_that_are_refused() {
    on_both(async |subject| {
        let store = &subject.store;
        let limits = QueueChange {
            at_once: Some(Some(1)),
            ..QueueChange::default()
        };
        store.set_queue(TASK, limits).await.expect("an answer");
        enqueued(store, job("a")).await;
        let done = claimed(store, "a", "here").await;
        enqueued(store, job("a")).await;
        let mut refused = settled(&done, verdict());
        refused.verdict.state = State::Retryable;
        refused.verdict.run_at = None;
        let mut raw = subject.raw().await;
        raw.run("ALTER TABLE attempts RENAME TO gone").await;
        let (ends, queues) = ([refused], [wanted(TASK)]);
        let shared = store.settle_and_claim(&ends, &queues, "here", at(2)).await;
        raw.run("ALTER TABLE gone RENAME TO attempts").await;
        shared.ours.expect_err("its failure cannot be kept");
        let claims = shared.claims.into_iter();
        let left: Vec<_> = claims.map(|claim| claim.expect("an answer").left).collect();
        let told = [Left::Perhaps];
        assert_eq!(
            left,
            if subject.is_sqlite() {
                &told[1..]
            } else {
                &told
            }
        );
    })
    .await;
}

#[tokio::test]
async fn only_ends_of_completed_tasks_go_along_with_claims() {
    on_both(async |subject| {
        let store = &subject.store;
        enqueued(store, job("a")).await;
        let task = claimed(store, "a", "here").await;
        let end = settled(&task, verdict());
        let mut letter = task.clone();
        letter.queue = EMAIL.to_owned();
        let letter = settled(&letter, verdict());
        let mut failed = end.clone();
        failed.verdict.state = State::Retryable;

        let shares = |end: &Settled| store.shares(std::slice::from_ref(end));
        assert!(shares(&end) && !shares(&letter) && !shares(&failed));
        assert!(!store.shares(&[end, letter]));
    })
    .await;
}
