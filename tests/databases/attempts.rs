//! How an attempt ended is written down once, by whoever made it; operators may retry and cancel.

use cadastro::{
    queue::{Ending, State, TASK, Verdict},
    store::{Asked, AttemptRow, JobRow, Progress, Settled, Store},
};

use super::{at, claimed, enqueued, enter, found, job, on_both, state_of};

/// That the job was done, unless the caller says otherwise.
pub(super) fn verdict() -> Verdict {
    Verdict {
        state: State::Completed,
        run_at: None,
        free: false,
        ending: Ending::Completed,
        error: None,
        result: None,
    }
}

fn again() -> Verdict {
    Verdict {
        state: State::Retryable,
        run_at: Some(at(50)),
        ending: Ending::Retried,
        error: Some("451 later".to_owned()),
        ..verdict()
    }
}

fn given_up(error: &str) -> Verdict {
    Verdict {
        state: State::Discarded,
        ending: Ending::Discarded,
        error: Some(error.to_owned()),
        ..verdict()
    }
}

pub(super) fn settled(job: &JobRow, verdict: Verdict) -> Settled {
    Settled {
        job: job.clone().into(),
        verdict,
        at: at(5),
    }
}

async fn settle(store: &Store, job: &JobRow, verdict: Verdict) -> bool {
    let answers = store.settle(&[settled(job, verdict)]).await;
    answers.expect("an answer")[0]
}

/// A job in the middle of its first attempt.
async fn executing(store: &Store, kind: &str) -> JobRow {
    enqueued(store, job(kind)).await;
    claimed(store, kind, "here").await
}

async fn attempts(store: &Store, job: &JobRow) -> Vec<AttemptRow> {
    store.attempts(job.id).await.expect("an answer")
}

#[tokio::test]
async fn of_two_ends_of_one_attempt_the_first_counts() {
    on_both(async |subject| {
        let store = &subject.store;
        let row = executing(store, "a").await;
        let batch = [
            settled(&row, again()),
            settled(&row, verdict()),
            settled(&row, given_up("no")),
        ];
        let answers = store.settle(&batch).await.expect("an answer");
        assert_eq!(answers, [true, false, false]);
        assert_eq!(state_of(store, &row).await, State::Retryable);
        assert_eq!(attempts(store, &row).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_completed_job_keeps_its_result_and_tells_of_its_attempt_itself() {
    on_both(async |subject| {
        let store = &subject.store;
        let row = executing(store, "a").await;
        let done = Verdict {
            result: Some("Tarefa simples concluída!".to_owned()),
            ..verdict()
        };
        assert!(settle(store, &row, done).await);
        let row = found(store, &row).await;
        assert_eq!(row.state, State::Completed);
        assert_eq!(row.result.as_deref(), Some("Tarefa simples concluída!"));
        assert_eq!((row.finished_at, row.progress), (Some(at(5)), Some(100)));
        assert_eq!((row.attempt, row.max_attempts), (1, 3));
        assert_eq!(attempts(store, &row).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_failed_attempt_is_recorded_and_the_job_is_due_again() {
    on_both(async |subject| {
        let store = &subject.store;
        let row = executing(store, "a").await;
        assert!(settle(store, &row, again()).await);
        let waiting = found(store, &row).await;
        assert_eq!((waiting.state, waiting.run_at), (State::Retryable, at(50)));
        assert_eq!((waiting.finished_at, waiting.max_attempts), (None, 3));
        let record = AttemptRow {
            attempt: 1,
            started_at: at(1),
            finished_at: at(5),
            outcome: "retried".to_owned(),
            error: Some("451 later".to_owned()),
        };
        assert_eq!(attempts(store, &row).await, [record]);

        let staged = store.stage(at(50)).await.expect("an answer");
        assert_eq!(staged, [(TASK.to_owned(), 1)].into());
        enter(store, "there").await;
        let second = claimed(store, "a", "there").await;
        assert_eq!(second.attempt, 2);
        assert!(settle(store, &second, given_up("550 never")).await);
        let last = found(store, &row).await;
        assert_eq!(
            (last.state, last.finished_at),
            (State::Discarded, Some(at(5)))
        );
        let outcomes = attempts(store, &row).await;
        let outcomes: Vec<_> = outcomes
            .iter()
            .map(|row| (row.attempt, row.outcome.as_str(), row.error.as_deref()))
            .collect();
        let expected = [
            (1, "retried", Some("451 later")),
            (2, "discarded", Some("550 never")),
        ];
        assert_eq!(outcomes, expected);
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_does_not_count_leaves_the_job_one_more() {
    on_both(async |subject| {
        let store = &subject.store;
        for (state, ending) in [
            (State::Scheduled, Ending::Snoozed),
            (State::Available, Ending::HandedBack),
        ] {
            let kind = ending.word();
            let row = executing(store, kind).await;
            let not_now = Verdict {
                state,
                run_at: Some(at(70)),
                free: true,
                ending,
                ..verdict()
            };
            assert!(settle(store, &row, not_now).await);
            let row = found(store, &row).await;
            assert_eq!((row.state, row.run_at), (state, at(70)));
            assert_eq!((row.attempt, row.max_attempts), (1, 4));
            assert_eq!(attempts(store, &row).await[0].outcome, kind);
        }
    })
    .await;
}

#[tokio::test]
async fn a_late_finish_is_refused_and_changes_nothing() {
    on_both(async |subject| {
        let store = &subject.store;
        let first = executing(store, "a").await;
        assert!(settle(store, &first, again()).await);
        store.stage(at(50)).await.expect("an answer");
        enter(store, "there").await;
        let second = claimed(store, "a", "there").await;
        let stranger = JobRow {
            owner: Some("here".to_owned()),
            ..second.clone()
        };
        let nobody = JobRow {
            owner: None,
            ..second.clone()
        };
        for late in [&first, &stranger, &nobody] {
            assert!(!settle(store, late, verdict()).await);
            assert!(!settle(store, late, given_up("late")).await);
            assert_eq!(found(store, late).await, second);
            assert_eq!(attempts(store, late).await.len(), 1);
        }
        assert!(settle(store, &second, verdict()).await);
        let done = found(store, &second).await;
        assert!(!settle(store, &second, given_up("once more")).await);
        assert_eq!(found(store, &second).await, done);
    })
    .await;
}

#[tokio::test]
async fn a_late_finish_does_not_stand_in_the_way_of_others() {
    on_both(async |subject| {
        let store = &subject.store;
        let late = executing(store, "late").await;
        assert!(settle(store, &late, verdict()).await);
        let (one, two) = (executing(store, "one").await, executing(store, "two").await);
        let batch = [
            settled(&one, again()),
            settled(&late, given_up("late")),
            settled(&two, verdict()),
        ];
        let answers = store.settle(&batch).await.expect("an answer");
        assert_eq!(answers, [true, false, true]);
        assert_eq!(state_of(store, &one).await, State::Retryable);
        assert_eq!(state_of(store, &two).await, State::Completed);
    })
    .await;
}

#[tokio::test]
async fn a_character_that_no_text_can_hold_does_not_keep_an_end_from_being_written() {
    on_both(async |subject| {
        let store = &subject.store;
        let (one, two) = (executing(store, "one").await, executing(store, "two").await);
        let said = Verdict {
            result: Some("zero\0".to_owned()),
            ..verdict()
        };
        let batch = [settled(&one, given_up("554 \0")), settled(&two, said)];
        assert_eq!(store.settle(&batch).await.expect("an answer"), [true, true]);
        let record = attempts(store, &one).await.remove(0);
        assert_eq!(record.error.as_deref(), Some("554 \u{FFFD}"));
        let done = found(store, &two).await;
        assert_eq!(done.result.as_deref(), Some("zero\u{FFFD}"));
    })
    .await;
}

#[tokio::test]
async fn of_what_a_job_says_without_end_the_beginning_is_kept() {
    on_both(async |subject| {
        let store = &subject.store;
        let row = executing(store, "one").await;
        let message = Progress {
            job: row.id,
            attempt: 1,
            percent: 1,
            message: Some("é".repeat(1000)),
        };
        store
            .note_progress("here", &[message])
            .await
            .expect("an answer");
        let message = found(store, &row).await.message.expect("a message");
        assert_eq!(message, format!("{} […]", "é".repeat(250)));

        let said = Verdict {
            // A character that lies across the end of what is kept is left out.
            result: Some(format!("a{}", "é".repeat(100_000))),
            ..verdict()
        };
        assert!(settle(store, &row, said).await);
        let done = found(store, &row).await;
        let kept = format!("a{} […]", "é".repeat(32 * 1024 - 1));
        assert!(done.result == Some(kept));
        assert_eq!(done.message, None);
    })
    .await;
}

#[tokio::test]
async fn a_step_is_kept_by_the_attempt_that_is_under_way_and_by_no_other() {
    on_both(async |subject| {
        let store = &subject.store;
        let first = executing(store, "a").await;
        let keep = async |row: &JobRow, name, result| {
            let kept = store.keep_step(row, name, result, at(2)).await;
            kept.expect("an answer")
        };
        let kept = async |name| store.step(first.id, name).await.expect("an answer");
        assert_eq!(kept("charge").await, None);
        assert!(keep(&first, "charge", "17").await);
        assert!(settle(store, &first, again()).await);
        assert!(!keep(&first, "deliver", "1").await);
        store.stage(at(60)).await.expect("an answer");
        let second = claimed(store, "a", "here").await;
        assert!(!keep(&first, "deliver", "1").await);
        assert_eq!(kept("deliver").await, None);
        let elsewhere = JobRow {
            owner: Some("there".to_owned()),
            ..second.clone()
        };
        assert!(!keep(&elsewhere, "deliver", "1").await);
        assert!(keep(&second, "deliver", "2").await);
        assert_eq!(kept("charge").await.as_deref(), Some("17"));
        assert_eq!(kept("deliver").await.as_deref(), Some("2"));
    })
    .await;
}

#[tokio::test]
async fn progress_is_noted_of_the_attempt_that_is_under_way() {
    on_both(async |subject| {
        let store = &subject.store;
        let row = executing(store, "a").await;
        let note = async |owner: &str, attempt, percent| {
            let progress = Progress {
                job: row.id,
                attempt,
                percent,
                message: None,
            };
            let noted = store.note_progress(owner, &[progress]).await;
            noted.expect("an answer");
            found(store, &row).await.progress
        };
        assert_eq!(note("here", 1, 40).await, Some(40));
        assert_eq!(note("there", 1, 50).await, Some(40));
        assert_eq!(note("here", 2, 60).await, Some(40));
        assert!(settle(store, &row, again()).await);
        assert_eq!(note("here", 1, 70).await, None);
    })
    .await;
}

/// A job that stands in this state.
async fn job_in(store: &Store, state: State) -> JobRow {
    let kind = state.word();
    let put = Verdict {
        state,
        run_at: (!state.is_final()).then(|| at(50)),
        ..verdict()
    };
    match state {
        State::Available => enqueued(store, job(kind)).await,
        State::Executing => executing(store, kind).await,
        _ => {
            let row = executing(store, kind).await;
            assert!(settle(store, &row, put).await);
            found(store, &row).await
        }
    }
}

#[tokio::test]
async fn an_operators_retry_makes_due_what_failed_or_was_cancelled_and_nothing_else() {
    on_both(async |subject| {
        let store = &subject.store;
        for state in State::ALL {
            let row = job_in(store, state).await;
            let answer = store.retry(row.id, at(60)).await.expect("an answer");
            let now = found(store, &row).await;
            match state {
                State::Retryable | State::Discarded | State::Cancelled => {
                    assert_eq!(answer.as_ref(), Some(&now), "{state}");
                    assert_eq!((now.state, now.run_at), (State::Available, at(60)));
                    assert_eq!(now.finished_at, None, "{state}");
                }
                _ => assert_eq!((answer, now), (None, row), "{state}"),
            }
        }
        let nobody = cadastro::queue::JobId(4711);
        assert_eq!(store.retry(nobody, at(60)).await.expect("an answer"), None);
    })
    .await;
}

#[tokio::test]
async fn a_retry_gives_one_more_attempt_to_a_job_that_has_none_left() {
    on_both(async |subject| {
        let store = &subject.store;
        let spent = cadastro::queue::NewJob {
            max_attempts: 1,
            ..job("spent")
        };
        enqueued(store, spent).await;
        for attempt in 1..=3 {
            let row = claimed(store, "spent", "here").await;
            assert_eq!((row.attempt, row.max_attempts), (attempt, attempt));
            assert!(settle(store, &row, given_up("no")).await);
            let row = store.retry(row.id, at(1)).await.expect("an answer");
            assert_eq!(row.expect("it was discarded").max_attempts, attempt + 1);
        }
        let row = job_in(store, State::Discarded).await;
        let row = store.retry(row.id, at(1)).await.expect("an answer");
        let row = row.expect("it was discarded");
        assert_eq!((row.attempt, row.max_attempts), (1, 3));
    })
    .await;
}

#[tokio::test]
async fn a_cancel_stops_what_waits_asks_what_executes_and_nothing_else() {
    on_both(async |subject| {
        let store = &subject.store;
        for state in State::ALL {
            let row = job_in(store, state).await;
            let answer = store.cancel(row.id, at(60)).await.expect("an answer");
            let now = found(store, &row).await;
            match state {
                State::Scheduled | State::Available | State::Retryable => {
                    assert_eq!(answer.as_ref(), Some(&now), "{state}");
                    assert_eq!(
                        (now.state, now.finished_at),
                        (State::Cancelled, Some(at(60)))
                    );
                    assert_eq!(now.cancel_at, None);
                }
                State::Executing => {
                    assert_eq!(answer.as_ref(), Some(&now));
                    let asked = JobRow {
                        cancel_at: Some(at(60)),
                        ..row.clone()
                    };
                    assert_eq!(now, asked);
                    let again = store.cancel(row.id, at(70)).await.expect("an answer");
                    assert_eq!(again, Some(asked));
                }
                _ => assert_eq!((answer, now), (None, row), "{state}"),
            }
        }
        store.stage(at(1000)).await.expect("an answer");
        let words = State::ALL.map(State::word);
        let due = store.claim(TASK, &words, 9, "here", at(1000)).await;
        assert_eq!(due.expect("an answer").jobs, []);
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_to_stop_ends_as_completed_or_cancelled() {
    on_both(async |subject| {
        let store = &subject.store;
        let asked = async |kind: &str| {
            let row = executing(store, kind).await;
            store.cancel(row.id, at(3)).await.expect("an answer");
            row
        };
        let cancelled = Verdict {
            state: State::Cancelled,
            ending: Ending::Cancelled,
            ..verdict()
        };
        let one = asked("one").await;
        let of_one = Asked {
            job: one.id,
            attempt: 1,
            at: at(3),
        };
        executing(store, "another").await;
        assert_eq!(store.asked("here").await.expect("an answer"), [of_one]);
        assert_eq!(store.asked("there").await.expect("an answer"), []);
        for late in [again(), given_up("550")] {
            assert!(!settle(store, &one, late).await);
            assert_eq!(state_of(store, &one).await, State::Executing);
        }
        assert!(settle(store, &one, cancelled).await);
        assert_eq!(store.asked("here").await.expect("an answer"), []);

        let two = asked("two").await;
        assert!(settle(store, &two, verdict()).await);
        assert_eq!(state_of(store, &two).await, State::Completed);
    })
    .await;
}
