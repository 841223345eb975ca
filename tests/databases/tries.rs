//! What has been tried of a job, told from the attempts on record.

use cadastro::{
    queue::{Ending, State, TASK, Verdict},
    store::{Settled, Store, Tries},
};

use super::{at, enqueued, job, on_both};

/// Has the job's next attempt begin at `begun`, a second, and end so.
async fn attempt(store: &Store, kind: &str, begun: i64, ending: Ending) {
    let claimed = store.claim(TASK, &[kind], 1, "here", at(begun)).await;
    let job = claimed.expect("an answer").jobs.remove(0);
    let (state, free) = match ending {
        Ending::Snoozed => (State::Scheduled, true),
        Ending::HandedBack => (State::Available, true),
        Ending::Discarded => (State::Discarded, false),
        Ending::Cancelled => (State::Cancelled, false),
        _ => (State::Retryable, false),
    };
    let verdict = Verdict {
        state,
        run_at: (!state.is_final()).then(|| at(begun)),
        free,
        ending,
        error: None,
        result: None,
    };
    let at = at(begun);
    let settled = store
        .settle(&[Settled {
            job: job.into(),
            verdict,
            at,
        }])
        .await;
    assert_eq!(settled.expect("an answer"), [true]);
    store.stage(at).await.expect("an answer");
}

#[tokio::test]
async fn tries_are_counted_from_the_first_or_since_an_operator_took_the_job_up_again() {
    on_both(async |subject| {
        let store = &subject.store;
        let row = enqueued(store, job("a")).await;
        let tries = async || store.tries(row.id).await.expect("an answer");
        assert_eq!(tries().await, Tries::default());

        for (second, ending) in [
            (1, Ending::Snoozed),
            (2, Ending::Retried),
            (3, Ending::Rescued),
            (4, Ending::HandedBack),
        ] {
            attempt(store, "a", second, ending).await;
        }
        let (since, charged, free) = (Some(at(1)), 2, 2);
        let expected = Tries {
            since,
            charged,
            free,
        };
        assert_eq!(tries().await, expected);

        for ending in [Ending::Discarded, Ending::Cancelled] {
            attempt(store, "a", 5, ending).await;
            assert_eq!(tries().await, Tries::default(), "{ending:?}");
            let again = store.retry(row.id, at(6)).await.expect("an answer");
            assert!(again.is_some());
            attempt(store, "a", 7, Ending::Retried).await;
            let (since, charged, free) = (Some(at(7)), 1, 0);
            assert_eq!(
                tries().await,
                Tries {
                    since,
                    charged,
                    free
                }
            );
        }
    })
    .await;
}
