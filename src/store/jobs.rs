//! Jobs: inserted, found, settled, retried, cancelled.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{change, read},
    doubt::{in_doubt, with_doubts},
    rows::{JobRow, RawJob, job_rows},
    schema::{attempts, jobs},
};
use crate::{
    account::UserId,
    queue::{Ending, JobId, NewJob, State, Verdict},
};

/// How an attempt ended, as it is to be written down.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The job as it was claimed: its owner and attempt guard against a late finish.
    pub job: JobRow,
    pub verdict: Verdict,
    pub at: Timestamp,
}

/// Jobs, for the page of somebody who watches them.
#[derive(Clone, Debug)]
pub struct SeenJobs {
    pub jobs: Vec<JobRow>,
    /// The letters among them that an attempt may have delivered without completing the job.
    pub in_doubt: BTreeSet<JobId>,
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub job: JobId,
    pub attempt: i32,
    /// 0 to 100.
    pub percent: i32,
}

/// Inserts jobs within the transaction on `$c`, and gives their rows in the same order.
///
/// A macro, because the connections of the two databases share no type.
macro_rules! insert_jobs {
    ($c:ident, $jobs:expr, $now:expr) => {{
        use $crate::store::{
            insert::{InsertJobs, ROWS},
            rows::RawJob,
        };
        let mut rows: Vec<RawJob> = Vec::new();
        for some in $jobs.chunks(ROWS) {
            rows.extend(InsertJobs::new(some, $now).load::<RawJob>($c).await?);
        }
        rows.sort_by_key(|row| row.id);
        rows
    }};
}
pub(super) use insert_jobs;

impl Store {
    /// Enqueues jobs, all or none, and gives their rows in the same order.
    pub async fn enqueue(&self, new: &[NewJob], now: Timestamp) -> Result<Vec<JobRow>, StoreError> {
        let rows = change!(self, |c| Ok::<_, StoreError>(insert_jobs!(c, new, now)))?;
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

    /// Writes down how attempts ended, in one transaction.
    ///
    /// An answer is `false` where the attempt was no longer its owner's: a late finish, which
    /// changes nothing.
    pub async fn settle(&self, batch: &[Settled]) -> Result<Vec<bool>, StoreError> {
        change!(self, |c| {
            let mut answers = Vec::with_capacity(batch.len());
            for settled in batch {
                let Settled { job, verdict, at } = settled;
                let at = at.as_microsecond();
                let changed = diesel::update(
                    jobs::table
                        .find(job.id.0)
                        .filter(jobs::state.eq(State::Executing.word()))
                        .filter(jobs::owner.eq(&job.owner))
                        .filter(jobs::attempt.eq(job.attempt)),
                )
                .set((
                    jobs::state.eq(verdict.state.word()),
                    verdict
                        .run_at
                        .map(|run_at| jobs::run_at.eq(run_at.as_microsecond())),
                    jobs::max_attempts.eq(job.max_attempts.saturating_add(i32::from(verdict.free))),
                    jobs::crashes.eq(match verdict.ending {
                        Ending::Rescued => job.crashes + 1,
                        _ => 0,
                    }),
                    jobs::finished_at.eq(verdict.state.is_final().then_some(at)),
                    jobs::progress.eq((verdict.state == State::Completed).then_some(100)),
                    jobs::result.eq(verdict.result.as_deref().map(storable)),
                ))
                .execute(c)
                .await?
                    > 0;
                if changed && verdict.state != State::Completed {
                    diesel::insert_into(attempts::table)
                        .values((
                            attempts::job_id.eq(job.id.0),
                            attempts::attempt.eq(job.attempt),
                            attempts::owner.eq(job.owner.as_deref().unwrap_or_default()),
                            attempts::started_at
                                .eq(job.started_at.unwrap_or(settled.at).as_microsecond()),
                            attempts::finished_at.eq(at),
                            attempts::outcome.eq(verdict.ending.word()),
                            attempts::error.eq(verdict.error.as_deref().map(storable)),
                        ))
                        .execute(c)
                        .await?;
                }
                answers.push(changed);
            }
            Ok::<_, StoreError>(answers)
        })
    }

    /// Writes down how far attempts of `owner` have come, in one transaction.
    pub async fn note_progress(&self, owner: &str, batch: &[Progress]) -> Result<(), StoreError> {
        change!(self, |c| {
            for progress in batch {
                diesel::update(
                    jobs::table
                        .find(progress.job.0)
                        .filter(jobs::state.eq(State::Executing.word()))
                        .filter(jobs::owner.eq(owner))
                        .filter(jobs::attempt.eq(progress.attempt)),
                )
                .set(jobs::progress.eq(progress.percent))
                .execute(c)
                .await?;
            }
            Ok::<_, StoreError>(())
        })
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

/// PostgreSQL's texts cannot hold a zero character. A reply or a panic with one in it must not keep
/// the ends of all other attempts from being written down.
fn storable(said: &str) -> String {
    said.replace('\0', "\u{FFFD}")
}
