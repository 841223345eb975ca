//! The processes that serve: each counts its heartbeats for the others to watch, and one that has no row
//! is dead.
//!
//! No instant is compared anywhere here. Whoever watches counts how often it looked without seeing a new
//! beat, so that clocks which differ, or jump, make nobody dead.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{Db, Pg, change, limited, read},
    leases::executing,
    rows::{JobRow, RawJob, instant, job_rows},
    schema::{instances, jobs},
};
use crate::queue::{JobId, State};

/// A process that serves, or served.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = instances, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub struct InstanceRow {
    /// Random, and another in every life.
    pub id: String,
    /// As the instance gave it when it entered.
    pub process: String,
    /// Goes up with every heartbeat.
    pub beats: i64,
}

/// An attempt that somebody has asked to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    pub job: JobId,
    pub attempt: i32,
    pub at: Timestamp,
}

impl Asked {
    /// The newest attempt of a job, if it is under way and was asked to stop.
    pub fn of(job: &JobRow) -> Option<Self> {
        let at = job.cancel_at.filter(|_| job.state == State::Executing)?;
        Some(Asked {
            job: job.id,
            attempt: job.attempt,
            at,
        })
    }
}

impl Store {
    /// Enters a new instance; `process` tells its neighbours on the same machine where to look for it.
    pub async fn enter(&self, id: &str, process: &str, now: Timestamp) -> Result<(), StoreError> {
        let alone = matches!(self.db, Db::Sqlite { .. });
        change!(self, |c| {
            if alone {
                // One process at a time may serve a file: whoever is entered here is dead.
                diesel::delete(instances::table).execute(c).await?;
            }
            diesel::insert_into(instances::table)
                .values((
                    instances::id.eq(id),
                    instances::process.eq(process),
                    instances::beats.eq(0),
                    instances::started_at.eq(now.as_microsecond()),
                ))
                .execute(c)
                .await?;
            Ok::<_, StoreError>(())
        })
    }

    /// Gives a sign of life.
    ///
    /// `false` says that the instance was struck out: its jobs are in other hands already.
    pub async fn beat(&self, id: &str) -> Result<bool, StoreError> {
        if let Db::Sqlite { .. } = self.db {
            // Nobody else serves the file, so nobody watches.
            let entered: i64 = read!(self, |c| instances::table
                .find(id)
                .count()
                .get_result(c)
                .await)?;
            return Ok(entered > 0);
        }
        let changed = change!(self, |c| diesel::update(instances::table.find(id))
            .set(instances::beats.eq(instances::beats + 1))
            .execute(c)
            .await)?;
        Ok(changed > 0)
    }

    /// Every instance that has not been struck out.
    pub async fn instances(&self) -> Result<Vec<InstanceRow>, StoreError> {
        read!(self, |c| instances::table
            .order((instances::started_at, instances::id))
            .select(InstanceRow::as_select())
            .load(c)
            .await)
    }

    /// Declares an instance dead, unless it has given a sign of life since it was seen like this.
    pub async fn strike_out(&self, seen: &InstanceRow) -> Result<bool, StoreError> {
        let gone = change!(self, |c| diesel::delete(
            instances::table
                .find(&seen.id)
                .filter(instances::beats.eq(seen.beats))
        )
        .execute(c)
        .await)?;
        Ok(gone > 0)
    }

    /// Strikes out an instance that stops, or begins a new life.
    pub async fn leave(&self, id: &str) -> Result<(), StoreError> {
        change!(self, |c| diesel::delete(instances::table.find(id))
            .execute(c)
            .await)?;
        Ok(())
    }

    /// The time by which all instances judge what is due, whatever their own clocks show: that of the
    /// PostgreSQL server. `None` on SQLite, which has no clock but the machine's.
    pub async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        let Db::Postgres(pool) = &self.db else {
            return Ok(None);
        };
        let now = "(extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT";
        let now: i64 = limited!(self, pool, Pg, |c| {
            diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(now))
                .get_result(c)
                .await
        })?;
        Ok(Some(instant(now)?))
    }

    /// The jobs that execute on an instance which has no row any more.
    pub async fn orphans(&self) -> Result<Vec<JobRow>, StoreError> {
        let raw = read!(self, |c| {
            let living = instances::table.select(instances::id.nullable());
            jobs::table
                .filter(executing())
                .filter(jobs::owner.ne_all(living))
                .select(RawJob::as_select())
                .load(c)
                .await
        })?;
        job_rows(raw)
    }

    /// Which of the attempts that `owner` makes somebody has asked to stop.
    pub async fn asked(&self, owner: &str) -> Result<Vec<Asked>, StoreError> {
        let rows: Vec<(i64, i32, i64)> = read!(self, |c| jobs::table
            .filter(executing())
            .filter(jobs::owner.eq(owner))
            .filter(jobs::cancel_at.is_not_null())
            .select((jobs::id, jobs::attempt, jobs::cancel_at.assume_not_null()))
            .load(c)
            .await)?;
        let asked = |(job, attempt, at)| {
            Ok(Asked {
                job: JobId(job),
                attempt,
                at: instant(at)?,
            })
        };
        rows.into_iter().map(asked).collect()
    }

    /// The jobs that `owner` executes.
    pub async fn executing(&self, owner: &str) -> Result<Vec<JobRow>, StoreError> {
        let raw = read!(self, |c| jobs::table
            .filter(executing())
            .filter(jobs::owner.eq(owner))
            .select(RawJob::as_select())
            .load(c)
            .await)?;
        job_rows(raw)
    }
}
