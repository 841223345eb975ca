//! Rows as the rooms above see them, and the types that both databases share.

use diesel::prelude::*;
use jiff::Timestamp;

use super::{StoreError, schema};
use crate::queue::{JobId, SignupId, State, redacted};

/// A job as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRow {
    pub id: JobId,
    pub kind: String,
    pub queue: String,
    pub state: State,
    /// Lower runs first.
    pub priority: i32,
    /// JSON, as the kind's `Job` type writes it, with its secrets sealed.
    pub args: String,
    /// The number of the newest attempt; 0 before the first.
    pub attempt: i32,
    pub max_attempts: i32,
    /// How many attempts in a row, up to the newest that has ended, ended with their process.
    pub crashes: i32,
    pub created_at: Timestamp,
    /// When it is or was due.
    pub run_at: Timestamp,
    /// Of the newest attempt.
    pub started_at: Option<Timestamp>,
    /// Set in the final states.
    pub finished_at: Option<Timestamp>,
    /// The instance that makes, or made, the newest attempt.
    pub owner: Option<String>,
    /// Percent.
    pub progress: Option<i32>,
    /// What the job had to say, in its reader's language.
    pub result: Option<String>,
    pub user: Option<i64>,
    pub signup: Option<SignupId>,
    /// No other job that holds this key is enqueued, as long as this one does.
    pub unique_key: Option<String>,
    /// In which states it holds its key: a bit for each, in the order of `State::ALL`.
    pub unique_states: Option<i32>,
    /// By which its queue counts how many execute at once.
    pub limit_key: Option<String>,
    /// When somebody said stop while it executed.
    pub cancel_at: Option<Timestamp>,
    /// What the newest attempt says of its progress.
    pub message: Option<String>,
    /// The W3C trace context of whoever enqueued it.
    pub trace: Option<String>,
    /// The first job of the flow to which it belongs.
    pub flow: Option<JobId>,
    /// How many jobs it still waits for.
    pub blockers: i32,
}

impl JobRow {
    /// The arguments as people may see them: no secret among them.
    pub fn shown_args(&self) -> serde_json::Value {
        // What cannot be read as JSON is shown as it is: that is then the trouble.
        let args = serde_json::from_str(&self.args);
        redacted(args.unwrap_or_else(|_| self.args.as_str().into()))
    }

    /// A job in this state, for tests of what becomes of jobs.
    #[cfg(test)]
    pub(crate) fn sample(state: State) -> Self {
        let at: Timestamp = "2026-11-22T12:00:10Z".parse().unwrap();
        JobRow {
            id: JobId(7),
            kind: "simple_task".into(),
            queue: "task".into(),
            state,
            priority: 0,
            args: "{}".into(),
            attempt: 1,
            max_attempts: 20,
            crashes: 0,
            created_at: at,
            run_at: at,
            started_at: Some(at),
            finished_at: None,
            owner: None,
            progress: None,
            result: None,
            user: None,
            signup: None,
            unique_key: None,
            unique_states: None,
            limit_key: None,
            cancel_at: None,
            message: None,
            trace: None,
            flow: None,
            blockers: 0,
        }
    }
}

/// Its fields stand in the order of the table's columns.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = schema::jobs, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(super) struct RawJob {
    pub(super) id: i64,
    kind: String,
    queue: String,
    state: String,
    priority: i32,
    args: String,
    attempt: i32,
    max_attempts: i32,
    created_at: i64,
    run_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    owner: Option<String>,
    progress: Option<i32>,
    result: Option<String>,
    user_id: Option<i64>,
    pub(super) signup_id: Option<i64>,
    crashes: i32,
    pub(super) unique_key: Option<String>,
    unique_states: Option<i32>,
    limit_key: Option<String>,
    cancel_at: Option<i64>,
    message: Option<String>,
    trace: Option<String>,
    pub(super) flow: Option<i64>,
    blockers: i32,
}

impl TryFrom<RawJob> for JobRow {
    type Error = StoreError;

    fn try_from(raw: RawJob) -> Result<Self, StoreError> {
        Ok(JobRow {
            id: JobId(raw.id),
            kind: raw.kind,
            queue: raw.queue,
            state: raw.state.parse().map_err(unreadable)?,
            priority: raw.priority,
            args: raw.args,
            attempt: raw.attempt,
            max_attempts: raw.max_attempts,
            crashes: raw.crashes,
            created_at: instant(raw.created_at)?,
            run_at: instant(raw.run_at)?,
            started_at: raw.started_at.map(instant).transpose()?,
            finished_at: raw.finished_at.map(instant).transpose()?,
            owner: raw.owner,
            progress: raw.progress,
            result: raw.result,
            user: raw.user_id,
            signup: raw.signup_id.map(SignupId),
            unique_key: raw.unique_key,
            unique_states: raw.unique_states,
            limit_key: raw.limit_key,
            cancel_at: raw.cancel_at.map(instant).transpose()?,
            message: raw.message,
            trace: raw.trace,
            flow: raw.flow.map(JobId),
            blockers: raw.blockers,
        })
    }
}

/// Turns what diesel loaded into jobs.
pub(super) fn job_rows(raw: Vec<RawJob>) -> Result<Vec<JobRow>, StoreError> {
    raw.into_iter().map(JobRow::try_from).collect()
}

/// Reads an instant from its column.
pub(super) fn instant(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(unreadable)
}

/// A column holds what this program never writes.
pub(super) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Fault(diesel::result::Error::DeserializationError(Box::new(error)))
}
