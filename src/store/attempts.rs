//! The attempts that did not complete their job; the one that did is told by the job itself.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{Store, StoreError, connection::read, rows::instant, schema::attempts};
use crate::queue::{Ending, JobId};

/// An attempt that did not complete its job.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRow {
    pub attempt: i32,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    /// As in `queue::Ending`.
    pub outcome: String,
    pub error: Option<String>,
}

/// What has been tried of a job since it was enqueued, or since an operator took it up again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tries {
    /// When the first of its attempts began.
    pub since: Option<Timestamp>,
    /// How many attempts it was charged for.
    pub charged: i32,
    /// How many did not count: it was put off, or handed back.
    pub free: i32,
}

impl Store {
    /// The attempts of a job that did not complete it, the first one first.
    pub async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>, StoreError> {
        let rows: Vec<(i32, i64, i64, String, Option<String>)> = read!(self, |c| attempts::table
            .filter(attempts::job_id.eq(job.0))
            .order(attempts::attempt)
            .select((
                attempts::attempt,
                attempts::started_at,
                attempts::finished_at,
                attempts::outcome,
                attempts::error,
            ))
            .load(c)
            .await)?;
        rows.into_iter()
            .map(|(attempt, started_at, finished_at, outcome, error)| {
                Ok(AttemptRow {
                    attempt,
                    started_at: instant(started_at)?,
                    finished_at: instant(finished_at)?,
                    outcome,
                    error,
                })
            })
            .collect()
    }

    /// What has been tried of a job so far.
    pub async fn tries(&self, job: JobId) -> Result<Tries, StoreError> {
        let rows: Vec<(i64, String)> = read!(self, |c| attempts::table
            .filter(attempts::job_id.eq(job.0))
            .order(attempts::attempt)
            .select((attempts::started_at, attempts::outcome))
            .load(c)
            .await)?;
        let is = |row: &(i64, String), endings: [Ending; 2]| {
            endings.iter().any(|ending| ending.word() == row.1)
        };
        let ends = [Ending::Discarded, Ending::Cancelled];
        let present = rows.rsplit(|row| is(row, ends)).next().unwrap_or_default();
        let free = [Ending::Snoozed, Ending::HandedBack];
        let free = present.iter().filter(|row| is(row, free)).count();
        Ok(Tries {
            since: present.first().map(|row| instant(row.0)).transpose()?,
            charged: (present.len() - free) as i32,
            free: free as i32,
        })
    }
}
