//! Jobs, inserted by the hundred.

use jiff::Timestamp;

use super::{
    many::{Many, Value},
    schema::jobs,
};
use crate::queue::{NewJob, State};

const INSERT: &str = "INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, \
     created_at, run_at, user_id, signup_id, crashes, limit_key, trace, blockers) VALUES ";

/// Every column, in the order of the table.
const RETURNING: &str = " RETURNING id, kind, queue, state, priority, args, attempt, max_attempts, \
     created_at, run_at, started_at, finished_at, owner, progress, result, user_id, signup_id, crashes, \
     unique_key, unique_states, limit_key, cancel_at, message, trace, flow, blockers";

/// Inserts jobs, and answers with their rows in any order; their numbers go up as they were given.
pub(super) fn insert(new: &[NewJob], now: Timestamp) -> Many<'_, jobs::SqlType> {
    let row = |job| row(job, now);
    Many::new(INSERT, new.iter().map(row), RETURNING)
}

fn row(job: &NewJob, now: Timestamp) -> Vec<Value<'_>> {
    let run_at = job.due.instant(now);
    vec![
        job.kind.as_str().into(),
        job.queue.as_str().into(),
        State::of_new(run_at, now).word().into(),
        job.priority.into(),
        job.args.to_string().into(),
        0.into(),
        job.max_attempts.into(),
        now.as_microsecond().into(),
        run_at.as_microsecond().into(),
        job.user.into(),
        job.signup.map(|signup| signup.0).into(),
        0.into(),
        job.limit_key.as_deref().into(),
        job.trace.as_deref().into(),
        0.into(),
    ]
}
