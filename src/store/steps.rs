//! The steps that jobs have done, so that their next attempts need not do them again.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{change, read},
    rows::JobRow,
    schema::steps,
    settle::hold,
};
use crate::queue::JobId;

impl Store {
    /// What a job's step of this name has made, as JSON, if it is done.
    pub async fn step(&self, job: JobId, name: &str) -> Result<Option<String>, StoreError> {
        read!(self, |c| steps::table
            .find((job.0, name))
            .select(steps::result)
            .first(c)
            .await
            .optional())
    }

    /// Keeps what a step of `job` has made.
    ///
    /// `false` says that the attempt was no longer its owner's, and then nothing is kept.
    pub async fn keep_step(
        &self,
        job: &JobRow,
        name: &str,
        result: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        change!(self, |c| {
            let ours = hold(job).execute(c).await? > 0;
            if ours {
                diesel::insert_into(steps::table)
                    .values((
                        steps::job_id.eq(job.id.0),
                        steps::name.eq(name),
                        steps::result.eq(result),
                        steps::finished_at.eq(now.as_microsecond()),
                    ))
                    .execute(c)
                    .await?;
            }
            Ok::<_, StoreError>(ours)
        })
    }
}
