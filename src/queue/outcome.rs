//! How an attempt may end.

use std::time::Duration;

/// What became of one attempt, as the actor that made it reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done, perhaps with a sentence for whoever asked for it.
    Completed {
        /// What the job has to say, in its reader's language.
        result: Option<String>,
    },
    /// Not done; another attempt may succeed.
    Failed {
        /// What kind of trouble it was.
        fault: Fault,
        /// What happened, for operators.
        error: String,
        /// Sooner or later than the policy's back-off, where the other side said so; never later than the
        /// policy's longest wait.
        retry_after: Option<Duration>,
    },
    /// Not done, and no attempt ever will be: spent at once.
    Hopeless {
        /// What happened, for operators.
        error: String,
    },
    /// No longer wanted.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// "Not now": due again later, and the attempt does not count.
    Snoozed {
        /// How much later.
        delay: Duration,
    },
    /// Handed back unfinished because the process stops; the attempt does not count.
    HandedBack,
    /// Handed back before anybody began with it; likewise.
    NotBegun,
    /// Its owner died or went silent in the middle: due again, at once the first time; the attempt counts.
    Rescued,
}

impl Outcome {
    /// In a word, for whoever watches the attempt itself. What follows from it is an [`Ending`].
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Completed { .. } => "completed",
            Outcome::Failed { .. } => "failed",
            Outcome::Hopeless { .. } => "hopeless",
            Outcome::Cancelled { .. } => "cancelled",
            Outcome::Snoozed { .. } => "snoozed",
            Outcome::HandedBack => "handed_back",
            Outcome::NotBegun => "not_begun",
            Outcome::Rescued => "rescued",
        }
    }
}

/// What kind of trouble ended an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The job itself said so.
    Error,
    /// Its code panicked.
    Panic,
    /// It was still at work when its time limit ran out.
    Timeout,
    /// The actor that made the attempt fell.
    Actor,
}

/// The word under which an attempt is recorded and counted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ending {
    Completed,
    Retried,
    Discarded,
    Cancelled,
    Snoozed,
    HandedBack,
    Rescued,
}

impl Ending {
    /// Those of which `cadastro_jobs_finished_total` has a count. What was handed back is no end.
    pub const COUNTED: [Ending; 6] = [
        Ending::Completed,
        Ending::Retried,
        Ending::Discarded,
        Ending::Cancelled,
        Ending::Snoozed,
        Ending::Rescued,
    ];

    /// As stored, and as the label of `cadastro_jobs_finished_total`.
    pub fn word(self) -> &'static str {
        match self {
            Ending::Completed => "completed",
            Ending::Retried => "retried",
            Ending::Discarded => "discarded",
            Ending::Cancelled => "cancelled",
            Ending::Snoozed => "snoozed",
            Ending::HandedBack => "handed_back",
            Ending::Rescued => "rescued",
        }
    }
}
