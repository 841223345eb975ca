//! What a job is: a stored kind, its arguments, and when it is due.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Cron, Policy, Secrets, Unique};

/// The queue of the letters, served by EmailActors.
pub const EMAIL: &str = "email";

/// The queue of the tasks that name no other, served by TaskActors.
pub const TASK: &str = "task";

/// How many actors a queue other than these two has on each instance, unless an operator decides it.
pub const WORKERS: usize = 10;

/// The most bytes of JSON that a job's arguments may be: they are small, and name what is large.
pub const ARGS_BYTES: usize = 64 * 1024;

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

    /// Which actors serve it: [`EMAIL`] for letters, any other for tasks.
    const QUEUE: &'static str = TASK;

    /// The fields of the arguments that nobody is to see: sealed with `--secret-key` where they are stored, and
    /// opened for an attempt alone. A field that was a secret once stays one.
    const SECRETS: &'static [&'static str] = &[];

    /// How often it is tried, for how long, and how long it waits in between.
    const POLICY: Policy = Policy::DEFAULT;

    /// When it is enqueued by itself, if ever.
    const CRON: Option<Cron> = None;

    /// What is wrong with these arguments, though they can be read; such a job is not enqueued. The text is shown
    /// to whoever wanted to enqueue it, in the API's answers and on the command line: no secret belongs into it.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// By which its queue counts how many execute at once, where it limits that; `None`: not at all.
    fn limit_key(&self) -> Option<String> {
        None
    }

    /// Whether others like this one are kept out, unless whoever enqueues it says otherwise.
    fn unique(&self) -> Option<Unique> {
        None
    }

    /// This job, due at once.
    fn now(&self) -> NewJob {
        // Arguments are plain structs; should one refuse to be JSON, it is not enqueued.
        let mut args = serde_json::to_value(self).unwrap_or_default();
        NewJob {
            limit_key: self.limit_key(),
            unique: self.unique(),
            secrets: Secrets::take(&mut args, Self::SECRETS),
            args,
            max_attempts: Self::POLICY.max_attempts,
            ..NewJob::of(Self::KIND, Self::QUEUE)
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
    /// By which its queue counts how many execute at once, where it limits that.
    pub limit_key: Option<String>,
    /// The W3C trace context of whoever enqueues it.
    pub trace: Option<String>,
    /// Whether it is enqueued beside others like it.
    pub unique: Option<Unique>,
}

impl NewJob {
    /// The same job, enqueued at this place of a trace unless it has one already.
    pub fn traced(self, trace: Option<&str>) -> Self {
        let trace = self.trace.or_else(|| trace.map(str::to_owned));
        NewJob { trace, ..self }
    }

    /// A job without arguments, due at once, on the usual terms.
    pub fn of(kind: impl Into<String>, queue: impl Into<String>) -> Self {
        NewJob {
            kind: kind.into(),
            queue: queue.into(),
            args: serde_json::json!({}),
            secrets: Secrets::default(),
            due: Due::After(Duration::ZERO),
            priority: 0,
            max_attempts: Policy::DEFAULT.max_attempts,
            user: None,
            signup: None,
            limit_key: None,
            trace: None,
            unique: None,
        }
    }

    /// The same job, seen by this user.
    pub fn of_user(self, user: i64) -> Self {
        NewJob {
            user: Some(user),
            ..self
        }
    }

    /// The same job in another queue than its kind's. Letters stay in theirs.
    pub fn in_queue(self, queue: impl Into<String>) -> Self {
        NewJob {
            queue: queue.into(),
            ..self
        }
    }

    /// The same job, unless another like it is there.
    pub fn unique(self, unique: Unique) -> Self {
        NewJob {
            unique: Some(unique),
            ..self
        }
    }

    /// The same job, counted by this key where its queue limits how many execute at once.
    pub fn limit_key(self, key: impl Into<String>) -> Self {
        NewJob {
            limit_key: Some(key.into()),
            ..self
        }
    }
}
