//! Jobs: found, retried, cancelled, edited.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    ask::Ask,
    connection::{change, read},
    doubt::{in_doubt, with_doubts},
    flows::reconsider,
    moves::{cancelled, edited, ended, retried},
    rows::{JobRow, RawJob},
    schema::jobs,
};
use crate::{
    account::UserId,
    queue::{Edit, JobId},
};

/// Jobs, for the page of somebody who watches them.
#[derive(Clone, Debug)]
pub struct SeenJobs {
    pub jobs: Vec<JobRow>,
    /// The letters among them that an attempt may have delivered without completing the job.
    pub in_doubt: BTreeSet<JobId>,
}

impl Store {
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
    /// Jobs of its flow that were cancelled because of its end wait for it again.
    ///
    /// `None` says that there is no such job in such a state.
    pub async fn retry(&self, id: JobId, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        let (raw, followers) = change!(self, |c| {
            let row: Option<RawJob> = retried!(jobs::id.eq(id.0), now)
                .returning(RawJob::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let followers = match &row {
                // What was cancelled because this job had ended waits for it again.
                Some(row) if row.flow.is_some() => reconsider!(c, vec![id.0], now),
                _ => Vec::new(),
            };
            Ok::<_, StoreError>((row, followers))
        })?;
        self.tell(followers);
        raw.map(JobRow::try_from).transpose()
    }

    /// Cancels a job that waits, and whatever waits for its success; has one that executes asked to stop: its
    /// row says so, for whoever runs it to find. `None` says that there is no such job, or that it has ended.
    ///
    /// One statement for both: a job may move from the one to the other between two.
    pub async fn cancel(&self, id: JobId, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        let (raw, followers) = change!(self, |c| {
            let unfinished = jobs::id.eq(id.0).and(jobs::state.ne_all(ended()));
            let row: Option<RawJob> = cancelled!(unfinished, now)
                .returning(RawJob::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let followers = match &row {
                Some(row) if row.flow.is_some() => reconsider!(c, vec![id.0], now),
                _ => Vec::new(),
            };
            Ok::<_, StoreError>((row, followers))
        })?;
        self.tell(followers);
        raw.map(JobRow::try_from).transpose()
    }

    /// Changes a job that waits; `edit` must not be empty. `None` says that there is no such job, or that it
    /// does not wait.
    pub async fn edit(
        &self,
        id: JobId,
        edit: &Edit,
        now: Timestamp,
    ) -> Result<Option<JobRow>, StoreError> {
        let raw: Option<RawJob> = change!(self, |c| edited!(jobs::id.eq(id.0), edit, now)
            .returning(RawJob::as_returning())
            .get_result(c)
            .await
            .optional())?;
        raw.map(JobRow::try_from).transpose()
    }
}
