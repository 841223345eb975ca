use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Completed { result: None }),
        Just(Outcome::Failed {
            fault: Fault::Error,
            error: "no".into(),
            retry_after: None
        }),
        (0..100_000u64).prop_map(|seconds| Outcome::Failed {
            fault: Fault::Timeout,
            error: "slow".into(),
            retry_after: Some(Duration::from_secs(seconds))
        }),
        Just(Outcome::Hopeless {
            error: "550".into()
        }),
        Just(Outcome::Cancelled {
            reason: "gone".into()
        }),
        (0..100_000u64).prop_map(|seconds| Outcome::Snoozed {
            delay: Duration::from_secs(seconds)
        }),
        Just(Outcome::HandedBack),
        Just(Outcome::NotBegun),
        Just(Outcome::Rescued),
    ]
}

fn tally(attempt: i32, max_attempts: i32) -> Tally {
    Tally {
        attempt,
        max_attempts,
        crashes: 0,
    }
}

proptest! {
    #[test]
    fn a_job_is_either_final_or_due_again(
        outcome in any_outcome(), attempt in 1..30i32, max in 1..30i32, chance in 0.0..=1.0f64
    ) {
        let now = Timestamp::UNIX_EPOCH;
        let verdict = settle(outcome, tally(attempt, max), &Policy::DEFAULT, now, chance);
        prop_assert_eq!(verdict.state.is_final(), verdict.run_at.is_none());
        prop_assert!(verdict.run_at.is_none_or(|at| at >= now));
    }

    #[test]
    fn an_attempt_is_charged_unless_the_job_said_not_now_or_the_process_stopped(
        outcome in any_outcome(), attempt in 1..30i32
    ) {
        let free = matches!(
            outcome,
            Outcome::Snoozed { .. } | Outcome::HandedBack | Outcome::NotBegun
        );
        let verdict = settle(outcome, tally(attempt, 30), &Policy::DEFAULT, Timestamp::UNIX_EPOCH, 0.5);
        prop_assert_eq!(verdict.free, free);
    }

    #[test]
    fn no_attempt_follows_the_last(outcome in any_outcome(), max in 1..30i32) {
        let verdict = settle(outcome, tally(max, max), &Policy::DEFAULT, Timestamp::UNIX_EPOCH, 0.5);
        prop_assert!(verdict.state.is_final() || verdict.free);
    }
}

proptest! {
    #[test]
    fn what_was_asked_to_stop_is_cancelled_unless_it_was_completed(
        outcome in any_outcome(), attempt in 1..30i32, max in 1..30i32
    ) {
        let now = Timestamp::UNIX_EPOCH;
        let judged = settle(outcome, tally(attempt, max), &Policy::DEFAULT, now, 0.5);
        let heeding = judged.clone().heeding(Some(now));
        prop_assert_eq!(judged.clone().heeding(None), judged.clone());
        if judged.state == State::Completed {
            prop_assert_eq!(heeding, judged);
        } else {
            prop_assert_eq!((heeding.state, heeding.ending), (State::Cancelled, Ending::Cancelled));
            prop_assert_eq!((heeding.run_at, heeding.free), (None, false));
            let told = heeding.error.unwrap_or_default();
            prop_assert!(told.starts_with(&judged.error.unwrap_or_default()), "{}", told);
        }
    }
}

fn rescued(tally: Tally) -> Verdict {
    let now = Timestamp::UNIX_EPOCH;
    settle(Outcome::Rescued, tally, &Policy::DEFAULT, now, 0.5)
}

#[test]
fn a_job_that_met_a_crash_is_due_at_once_and_one_that_meets_them_all_later_and_later() {
    let waits: Vec<_> = (0..4)
        .map(|crashes| {
            let verdict = rescued(Tally {
                attempt: crashes + 1,
                max_attempts: 20,
                crashes,
            });
            assert_eq!(verdict.state, State::Retryable);
            assert!(verdict.error.expect("a reason").starts_with("rescued: "));
            verdict.run_at.expect("due again").as_second()
        })
        .collect();
    assert_eq!(waits, [0, 5, 10, 20]);
}

#[test]
fn a_job_whose_last_attempt_ends_with_its_process_is_discarded_as_crashed() {
    let verdict = rescued(tally(20, 20));
    assert_eq!(verdict.state, State::Discarded);
    assert!(verdict.error.expect("a reason").starts_with("crashed: "));
}

#[test]
fn every_state_reads_back_from_its_word() {
    for state in State::ALL {
        assert_eq!(state.word().parse::<State>().unwrap(), state);
    }
    assert!("done".parse::<State>().is_err());
}
