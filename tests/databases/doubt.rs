//! Which letters may have been delivered although their attempt did not complete: visitors and
//! operators are told the same.

use cadastro::{
    account::UserId,
    queue::{EMAIL, Ending, NewJob, State, TASK, Verdict},
    store::{JobRow, Settled, Store},
};

use super::{at, job, on_both, sign_up, sign_up_all};

/// A job with one attempt that ended so.
async fn tried(store: &Store, new: NewJob, ending: Ending, error: Option<&str>) -> JobRow {
    let (queue, kind) = (new.queue.clone(), new.kind.clone());
    store.enqueue(&[new], at(0)).await.expect("enqueued");
    let claimed = store.claim(&queue, &[&kind], 1, "here", at(1)).await;
    let job = claimed.expect("an answer").jobs.remove(0);
    let settled = Settled {
        job: job.clone().into(),
        verdict: Verdict {
            state: State::Retryable,
            run_at: Some(at(900)),
            free: false,
            ending,
            error: error.map(str::to_owned),
            result: None,
        },
        at: at(2),
    };
    assert_eq!(store.settle(&[settled]).await.expect("an answer"), [true]);
    job
}

/// What an operator is told of the job's one attempt.
async fn told(store: &Store, job: &JobRow) -> Option<String> {
    let attempts = store.attempts(job.id).await.expect("an answer");
    attempts[0].told(&job.queue)
}

const NO_ANSWER: &str = "the letter may have been delivered; error: it closed the connection";
const QUOTING: &str = "error: 450 the letter may have been delivered";

#[tokio::test]
async fn a_letter_is_in_doubt_if_nobody_knows_how_far_its_attempt_came() {
    let in_doubt = [
        (
            Ending::Rescued,
            Some("rescued: it went silent"),
            "the letter may have been delivered; rescued: it went silent",
        ),
        (
            Ending::HandedBack,
            None,
            "the letter may have been delivered",
        ),
        (
            Ending::Retried,
            Some("actor: it fell in the middle"),
            "the letter may have been delivered; actor: it fell in the middle",
        ),
        (Ending::Retried, Some(NO_ANSWER), NO_ANSWER),
        (Ending::Discarded, Some(NO_ANSWER), NO_ANSWER),
        (Ending::Cancelled, Some(NO_ANSWER), NO_ANSWER),
    ];
    let certain = [
        (Ending::Retried, Some("error: 450 come back later")),
        (Ending::Retried, Some("error: the actor: gone")),
        (Ending::Retried, Some(QUOTING)),
        (Ending::Snoozed, None),
        (Ending::HandedBack, Some("it had not begun")),
    ];
    on_both(async |subject| {
        let store = &subject.store;
        let maria = [sign_up("maria", "maria@example.com")];
        let answers = sign_up_all(store, &maria).await.expect("an answer");
        let first = answers[0].as_ref().expect("signed up").jobs[0].clone();
        let owner = first.user.expect("whose jobs they are");
        let new = |queue: &str, n: usize| NewJob {
            queue: queue.to_owned(),
            signup: first.signup,
            ..job(&format!("kind_{n}")).of_user(owner)
        };
        let mut doubts = std::collections::BTreeSet::new();
        for (n, (ending, error, expected)) in in_doubt.into_iter().enumerate() {
            let letter = tried(store, new(EMAIL, n), ending, error).await;
            assert_eq!(told(store, &letter).await.as_deref(), Some(expected));
            doubts.insert(letter.id);
            let task = tried(store, new(TASK, n), ending, error).await;
            assert_eq!(told(store, &task).await.as_deref(), error);
        }
        for (n, (ending, error)) in certain.into_iter().enumerate() {
            let letter = tried(store, new(EMAIL, 100 + n), ending, error).await;
            assert_eq!(told(store, &letter).await.as_deref(), error);
        }
        let seen = store.jobs_of_user(UserId(owner), 100).await;
        assert_eq!(seen.expect("an answer").in_doubt, doubts);
        let found = store.receipt("receipt of maria").await.expect("an answer");
        assert_eq!(found.expect("the receipt").in_doubt, doubts);
    })
    .await;
}
