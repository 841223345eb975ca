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

    /// Those in which a job waits for an attempt.
    pub const WAITING: [State; 3] = [State::Scheduled, State::Available, State::Retryable];

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

    /// What stands for it in a stored set of states.
    pub const fn bit(self) -> i32 {
        1 << self as i32
    }

    /// An attempt is still to come.
    pub fn is_waiting(self) -> bool {
        State::WAITING.contains(&self)
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

/// What is recorded of an attempt that was handed back before anybody began with it: nobody need wonder
/// how far it came.
pub const NOT_BEGUN: &str = "it had not begun";

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
            run_at: Some(later(match retry_after {
                Some(asked) => asked.min(policy.longest()),
                None => policy.wait(attempt, chance),
            })),
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
        Outcome::HandedBack | Outcome::NotBegun => Verdict {
            state: State::Available,
            run_at: Some(now),
            free: true,
            ending: Ending::HandedBack,
            error: (outcome == Outcome::NotBegun).then(|| NOT_BEGUN.to_owned()),
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

impl Verdict {
    /// The same for a job that somebody asked to cancel in the middle of the attempt, at `asked_at`.
    ///
    /// Nothing follows but the end: it is not tried again, nor handed back, nor discarded. Only one that was
    /// completed all the same stays so. What the attempt had to say of itself stays on record.
    pub fn heeding(self, asked_at: Option<Timestamp>) -> Verdict {
        let Some(asked_at) = asked_at.filter(|_| self.state != State::Completed) else {
            return self;
        };
        let asked = format!("{ASKED} at {asked_at:.0}");
        Verdict {
            state: State::Cancelled,
            run_at: None,
            free: false,
            ending: Ending::Cancelled,
            error: Some(match self.error {
                Some(said) => format!("{said}; {asked}"),
                None => asked,
            }),
            result: None,
        }
    }
}

const ASKED: &str = "cancelled by an operator";

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
mod tests;
