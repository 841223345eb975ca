//! What a job is: a stored kind, its arguments, and when it is due.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Policy, Secrets};

/// The queue of the letters, served by EmailActors.
pub const EMAIL: &str = "email";

/// The queue of the tasks, served by TaskActors.
pub const TASK: &str = "task";

/// The number of a job's row.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a sign-up's row; its public name is the receipt.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SignupId(pub i64);

/// The arguments of a kind of job, as they are stored.
///
/// They are small JSON: ids and plain values, no names or addresses, and secrets only where
/// [`Job::SECRETS`] says so.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// The stored `snake_case` name. Once published it never changes.
    const KIND: &'static str;

    /// Which actors serve it.
    const QUEUE: &'static str = TASK;

    /// The fields of the arguments that nobody is to see: sealed with `--secret-key` where they are stored, and
    /// opened for an attempt alone. A field that was a secret once stays one.
    const SECRETS: &'static [&'static str] = &[];

    /// How often it is tried, for how long, and how long it waits in between.
    const POLICY: Policy = Policy::DEFAULT;

    /// This job, due at once.
    fn now(&self) -> NewJob {
        // Arguments are plain structs; should one refuse to be JSON, decoding reports it.
        let mut args = serde_json::to_value(self).unwrap_or_default();
        NewJob {
            kind: Self::KIND.to_owned(),
            queue: Self::QUEUE.to_owned(),
            secrets: Secrets::take(&mut args, Self::SECRETS),
            args,
            due: Due::After(Duration::ZERO),
            priority: 0,
            max_attempts: Self::POLICY.max_attempts,
            user: None,
            signup: None,
        }
    }

    /// This job, due once `delay` has passed.
    fn after(&self, delay: Duration) -> NewJob {
        NewJob {
            due: Due::After(delay),
            ..self.now()
        }
    }
}

/// When a new job is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Due {
    /// So long after it was enqueued.
    After(Duration),
    /// At an instant; one that has passed means at once.
    At(Timestamp),
}

impl Due {
    /// The instant, for a job that is enqueued at `now`.
    pub fn instant(self, now: Timestamp) -> Timestamp {
        match self {
            Due::After(delay) => now.saturating_add(delay).unwrap_or(Timestamp::MAX),
            Due::At(at) => at,
        }
    }
}

/// A job before it is a row.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// The stored name of what is to be done.
    pub kind: String,
    /// Which actors serve it.
    pub queue: String,
    /// The stored arguments, but for the secret ones.
    pub args: serde_json::Value,
    /// The secret ones, sealed when they are stored.
    pub secrets: Secrets,
    /// When it is to run.
    pub due: Due,
    /// Lower runs first among the jobs that are due; 0 is usual.
    pub priority: i32,
    /// After so many attempts it is discarded.
    pub max_attempts: i32,
    /// Whose job it is, and on whose account page it is seen: the user's number.
    pub user: Option<i64>,
    /// On whose receipt it is seen.
    pub signup: Option<SignupId>,
}

impl NewJob {
    /// The same job, seen by this user.
    pub fn of_user(self, user: i64) -> Self {
        NewJob {
            user: Some(user),
            ..self
        }
    }
}
