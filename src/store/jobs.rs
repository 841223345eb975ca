//! Jobs: inserted, found, retried, cancelled.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{change, read},
    doubt::{in_doubt, with_doubts},
    rows::{JobRow, RawJob, job_rows},
    schema::jobs,
};
use crate::{
    account::UserId,
    queue::{JobId, NewJob, State},
};

/// Jobs, for the page of somebody who watches them.
#[derive(Clone, Debug)]
pub struct SeenJobs {
    pub jobs: Vec<JobRow>,
    /// The letters among them that an attempt may have delivered without completing the job.
    pub in_doubt: BTreeSet<JobId>,
}

/// Inserts jobs within the transaction of `$store` on `$c`, and gives their rows in the same order.
///
/// A macro, because the connections of the two databases share no type.
macro_rules! insert_jobs {
    ($store:expr, $c:ident, $jobs:expr, $now:expr) => {{
        use $crate::store::{insert::insert, many::ROWS, rows::RawJob};
        let jobs = $store.sealed($jobs)?;
        let mut rows: Vec<RawJob> = Vec::new();
        for some in jobs.chunks(ROWS) {
            rows.extend(insert(some, $now).load::<RawJob>($c).await?);
        }
        rows.sort_by_key(|row| row.id);
        rows
    }};
}
pub(super) use insert_jobs;

impl Store {
    /// Enqueues jobs, all or none, and gives their rows in the same order.
    pub async fn enqueue(&self, new: &[NewJob], now: Timestamp) -> Result<Vec<JobRow>, StoreError> {
        let rows = change!(self, |c| Ok::<_, StoreError>(insert_jobs!(
            self, c, new, now
        )))?;
        job_rows(rows)
    }

    /// The job with this number.
    pub async fn job(&self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        let raw: Option<RawJob> = read!(self, |c| jobs::table
            .find(id.0)
            .select(RawJob::as_select())
            .first(c)
            .await
            .optional())?;
        raw.map(JobRow::try_from).transpose()
    }

    /// Up to `limit` jobs of a user, the newest first.
    pub async fn jobs_of_user(&self, user: UserId, limit: i64) -> Result<SeenJobs, StoreError> {
        let rows = read!(self, |c| jobs::table
            .filter(jobs::user_id.eq(user.0))
            .order(jobs::id.desc())
            .limit(limit)
            .select((RawJob::as_select(), in_doubt!()))
            .load(c)
            .await)?;
        let (jobs, in_doubt) = with_doubts(rows)?;
        Ok(SeenJobs { jobs, in_doubt })
    }

    /// Makes a job that failed or was cancelled due again, with one more attempt if all are spent.
    ///
    /// `None` says that there is no such job in such a state.
    pub async fn retry(&self, id: JobId, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        let retryable = State::ALL.into_iter().filter(|state| state.can_retry());
        let words: Vec<&str> = retryable.map(State::word).collect();
        let raw: Option<RawJob> = change!(self, |c| {
            let counts: Option<(i32, i32)> = jobs::table
                .find(id.0)
                .select((jobs::attempt, jobs::max_attempts))
                .first(c)
                .await
                .optional()?;
            let Some((attempt, max_attempts)) = counts else {
                return Ok(None);
            };
            diesel::update(jobs::table.find(id.0).filter(jobs::state.eq_any(&words)))
                .set((
                    jobs::state.eq(State::Available.word()),
                    jobs::run_at.eq(now.as_microsecond()),
                    jobs::finished_at.eq(None::<i64>),
                    jobs::max_attempts.eq(max_attempts.max(attempt + 1)),
                ))
                .returning(RawJob::as_returning())
                .get_result(c)
                .await
                .optional()
                .map_err(StoreError::from)
        })?;
        raw.map(JobRow::try_from).transpose()
    }

    /// Cancels a job that waits. `None` says that there is no such job, or that it does not wait.
    pub async fn cancel(&self, id: JobId, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        let waiting = [State::Scheduled, State::Available, State::Retryable].map(State::word);
        let raw: Option<RawJob> = change!(self, |c| diesel::update(
            jobs::table.find(id.0).filter(jobs::state.eq_any(waiting))
        )
        .set((
            jobs::state.eq(State::Cancelled.word()),
            jobs::finished_at.eq(now.as_microsecond()),
        ))
        .returning(RawJob::as_returning())
        .get_result(c)
        .await
        .optional())?;
        raw.map(JobRow::try_from).transpose()
    }
}
