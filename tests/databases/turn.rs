//! Ends and claims in one transaction.

use cadastro::{
    queue::{EMAIL, Left, NewJob, State, TASK},
    store::{Settled, Wanted},
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
async fn what_ended_is_written_down_and_what_is_wanted_is_claimed_or_neither() {
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
        failed.expect_err("no claim can be made");
        assert_eq!(state_of(store, &done).await, State::Executing);
        raw.run("ALTER TABLE gone RENAME TO queues").await;

        let shared = store.settle_and_claim(&ends, &queues, "here", at(2)).await;
        let shared = shared.expect("an answer");
        // The second was never begun.
        assert_eq!(shared.ours, [true, false]);
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

#[tokio::test]
async fn only_ends_of_completed_tasks_wait_for_claims_and_only_where_that_saves_time() {
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

        let sqlite = subject.database.url().starts_with("sqlite");
        let shares = |end: &Settled| store.shares(std::slice::from_ref(end));
        assert_eq!(shares(&end), sqlite);
        assert!(!shares(&letter) && !shares(&failed));
        assert!(!store.shares(&[end, letter]));
    })
    .await;
}
