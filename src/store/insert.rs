//! Jobs, inserted by the hundred.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    Store, StoreError,
    many::{Many, Value},
    schema::jobs,
};
use crate::queue::{NewJob, Secrets, State};

const INSERT: &str = "INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, \
     created_at, run_at, user_id, signup_id, crashes) VALUES ";

/// Every column, in the order of the table.
const RETURNING: &str = " RETURNING id, kind, queue, state, priority, args, attempt, max_attempts, \
     created_at, run_at, started_at, finished_at, owner, progress, result, user_id, signup_id, crashes";

impl Store {
    /// The same jobs, as they may be written: their secrets sealed.
    pub(super) fn sealed<'a>(&self, new: &'a [NewJob]) -> Result<Cow<'a, [NewJob]>, StoreError> {
        if new.iter().all(|job| job.secrets.is_empty()) {
            return Ok(new.into());
        }
        let seal = |job: &NewJob| {
            let args = self.keys().seal(&job.kind, &job.args, &job.secrets);
            let args = args.ok_or_else(|| {
                let kind = &job.kind;
                StoreError::Unusable(format!(
                    "`{kind}` has secret arguments, and there is no --secret-key"
                ))
            })?;
            Ok(NewJob {
                args,
                secrets: Secrets::default(),
                ..job.clone()
            })
        };
        new.iter().map(seal).collect()
    }
}

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
    ]
}
