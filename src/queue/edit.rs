//! What may still be changed of a job that waits.

use serde_json::Value;

use super::Due;

/// What is to become of a job that waits; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// When it is to run.
    pub due: Option<Due>,
    /// Lower runs first among the jobs that are due.
    pub priority: Option<i32>,
    /// Its arguments; they have to fit its kind. A key that was made of the former ones stays.
    pub args: Option<Value>,
    /// After so many attempts it is discarded; those it has had count. It gets one more in any case.
    pub max_attempts: Option<i32>,
    /// Where it waits; only a job that takes its place says so.
    pub place: Option<Place>,
}

/// Where a job waits for its turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub queue: String,
    pub limit_key: Option<String>,
}

impl Edit {
    /// Nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == Edit::default()
    }
}
