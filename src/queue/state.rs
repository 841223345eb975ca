//! The states of a job, and what follows from how an attempt ended.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Ending, Fault, Outcome, Policy};

/// Where a job stands. The words are those of Oban and River.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its time.
    Scheduled,
    /// Due; waits for a free actor.
    Available,
    /// An attempt is under way.
    Executing,
    /// Failed; waits for its next attempt.
    Retryable,
    /// Done.
    Completed,
    /// Given up, with its reason: a dead letter.
    Discarded,
    /// Somebody said stop.
    Cancelled,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [State; 7] = [
        State::Scheduled,
        State::Available,
        State::Executing,
        State::Retryable,
        State::Completed,
        State::Discarded,
        State::Cancelled,
    ];

    /// As stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            State::Scheduled => "scheduled",
            State::Available => "available",
            State::Executing => "executing",
            State::Retryable => "retryable",
            State::Completed => "completed",
            State::Discarded => "discarded",
            State::Cancelled => "cancelled",
        }
    }

    /// Nothing follows by itself.
    pub fn is_final(self) -> bool {
        matches!(self, State::Completed | State::Discarded | State::Cancelled)
    }

    /// Whether an operator's retry means anything here.
    pub fn can_retry(self) -> bool {
        matches!(self, State::Retryable | State::Discarded | State::Cancelled)
    }

    /// The state of a job that was just enqueued.
    pub fn of_new(run_at: Timestamp, now: Timestamp) -> State {
        if run_at > now {
            State::Scheduled
        } else {
            State::Available
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no state.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no state; the states are scheduled, available, executing, retryable, completed, discarded and cancelled"
)]
pub struct UnknownState(String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        State::ALL
            .into_iter()
            .find(|state| state.word() == word)
            .ok_or_else(|| UnknownState(word.to_owned()))
    }
}

/// What is to be written down once an attempt has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Where the job stands now.
    pub state: State,
    /// When it is due again; `None` once it is final.
    pub run_at: Option<Timestamp>,
    /// The attempt does not count: the job may be tried once more than before. Its number is
    /// spent all the same, so that no number ever starts twice.
    pub free: bool,
    /// The word under which this attempt is recorded and counted.
    pub ending: Ending,
    /// What went wrong, for operators.
    pub error: Option<String>,
    /// What the job has to say, for its reader.
    pub result: Option<String>,
}

/// How far a job's attempts have come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tally {
    /// The number of the attempt that has ended, from 1.
    pub attempt: i32,
    /// The job is discarded when this one fails.
    pub max_attempts: i32,
    /// How many attempts in a row, just before this one, ended with their process.
    pub crashes: i32,
}

/// Judges how an attempt ended.
///
/// `chance`, from 0 to 1, is the jitter of the back-off.
pub fn settle(
    outcome: Outcome,
    tally: Tally,
    policy: &Policy,
    now: Timestamp,
    chance: f64,
) -> Verdict {
    let Tally {
        attempt,
        max_attempts,
        crashes,
    } = tally;
    let later = |wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    let base = Verdict {
        state: State::Completed,
        run_at: None,
        free: false,
        ending: Ending::Completed,
        error: None,
        result: None,
    };
    let discarded = |error| Verdict {
        state: State::Discarded,
        ending: Ending::Discarded,
        error: Some(error),
        ..base.clone()
    };
    let spent = attempt >= max_attempts;
    match outcome {
        Outcome::Completed { result } => Verdict { result, ..base },
        Outcome::Hopeless { error } => discarded(error),
        Outcome::Failed { error, .. } if spent => discarded(error),
        Outcome::Failed {
            error, retry_after, ..
        } => Verdict {
            state: State::Retryable,
            run_at: Some(later(
                retry_after.unwrap_or_else(|| policy.wait(attempt, chance)),
            )),
            ending: Ending::Retried,
            error: Some(error),
            ..base
        },
        Outcome::Cancelled { reason } => Verdict {
            state: State::Cancelled,
            ending: Ending::Cancelled,
            error: Some(reason),
            ..base
        },
        Outcome::Snoozed { delay } => Verdict {
            state: State::Scheduled,
            run_at: Some(later(delay)),
            free: true,
            ending: Ending::Snoozed,
            ..base
        },
        Outcome::HandedBack => Verdict {
            state: State::Available,
            run_at: Some(now),
            free: true,
            ending: Ending::HandedBack,
            ..base
        },
        Outcome::Rescued if spent => discarded(format!("crashed: {LOST_OWNER}")),
        Outcome::Rescued => Verdict {
            state: State::Retryable,
            // Most jobs are innocent of the crash that they met, and are due again at once. One that
            // meets crash upon crash may be their cause: it must leave the process time to live.
            run_at: Some(match crashes {
                0 => now,
                before => later(policy.wait(before, chance)),
            }),
            ending: Ending::Rescued,
            error: Some(format!("rescued: {LOST_OWNER}")),
            ..base
        },
    }
}

const LOST_OWNER: &str = "the process that made this attempt ended or went silent in the middle";

impl Fault {
    /// The word that opens the recorded error.
    pub fn word(self) -> &'static str {
        match self {
            Fault::Error => "error",
            Fault::Panic => "panic",
            Fault::Timeout => "timeout",
            Fault::Actor => "actor",
        }
    }
}

#[cfg(test)]
mod tests {
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
            let free = matches!(outcome, Outcome::Snoozed { .. } | Outcome::HandedBack);
            let verdict = settle(outcome, tally(attempt, 30), &Policy::DEFAULT, Timestamp::UNIX_EPOCH, 0.5);
            prop_assert_eq!(verdict.free, free);
        }

        #[test]
        fn no_attempt_follows_the_last(outcome in any_outcome(), max in 1..30i32) {
            let verdict = settle(outcome, tally(max, max), &Policy::DEFAULT, Timestamp::UNIX_EPOCH, 0.5);
            prop_assert!(verdict.state.is_final() || verdict.free);
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
}
