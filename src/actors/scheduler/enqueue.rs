//! How jobs come into the table, and how they are changed there before they start.

use std::ops::Deref;

use super::handle::{self, Change, Scheduler, uncut};
use crate::{
    actors::AskError,
    jobs::{Catalogue, Unfit},
    queue::{Edit, JobId, NewJob, State},
    store::{Connection, Enqueued, JobRow, Move, Moved, MovedJob, StoreError, Transaction, Which},
    telemetry::{Trace, trace},
};

/// Why jobs were not enqueued.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// One of them has to be another; none was enqueued.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// Why a job was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("there is no job {0}")]
    None(JobId),
    /// Only jobs that wait can be edited.
    #[error("job {0} is {1}: only jobs that wait can be edited")]
    NotWaiting(JobId, State),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl From<StoreError> for EnqueueError {
    fn from(error: StoreError) -> Self {
        EnqueueError::Ask(error.into())
    }
}

impl From<StoreError> for EditError {
    fn from(error: StoreError) -> Self {
        EditError::Ask(error.into())
    }
}

impl Scheduler {
    /// Enqueues jobs, all or none, and answers for each in the same order.
    pub async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, EnqueueError> {
        for job in &jobs {
            self.catalogue.check_new(job)?;
        }
        let jobs = traced(jobs);
        let (store, now) = (self.store.clone(), self.clock.now());
        let rows = uncut(async move { store.enqueue(&jobs, now).await }).await??;
        self.arrived(rows.iter().map(Deref::deref));
        Ok(rows)
    }

    /// Does `work` in one transaction: what it enqueues and what it writes by itself is there as a whole, or
    /// not at all. An error of its own takes everything back.
    ///
    /// Jobs have their numbers before the commit, and start only after it. The transaction has the time of
    /// any other, 2.5 s in all, and on SQLite nobody else writes meanwhile: `work` does nothing but talk to
    /// the database. Whoever drops the future in the middle takes everything back, too.
    /// `tests/enqueue/transactions.rs` shows one.
    pub async fn transaction<T, E>(
        &self,
        work: impl AsyncFnOnce(&mut Enqueuing<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<EnqueueError>,
    {
        let now = self.clock.now();
        let catalogue = &self.catalogue;
        let answer = self.store.transaction(now, async move |transaction| {
            let mut enqueuing = Enqueuing {
                transaction,
                catalogue,
            };
            work(&mut enqueuing).await
        });
        let answer = answer.await.map_err(EnqueueError::from)?;
        if answer.is_ok() {
            self.wake();
        }
        answer
    }

    /// Changes a job that waits.
    pub async fn edit(&self, id: JobId, edit: Edit) -> Result<JobRow, EditError> {
        let row = self.store.job(id).await?.ok_or(EditError::None(id))?;
        if let Some(args) = &edit.args {
            self.catalogue.check_edit(&row.kind, args)?;
        }
        let (store, now) = (self.store.clone(), self.clock.now());
        let edited = uncut(async move { store.edit(id, &edit, now).await }).await??;
        self.moved(edited.as_ref());
        match edited {
            Some(row) => Ok(row),
            None => {
                let row = self.store.job(id).await?.ok_or(EditError::None(id))?;
                Err(EditError::NotWaiting(id, row.state))
            }
        }
    }

    /// Retries or cancels many jobs, or only counts those that it would. Each portion of them is a
    /// transaction of its own.
    ///
    /// Jobs that execute are asked to stop.
    pub async fn move_all(
        &self,
        how: Move,
        which: Which,
        dry_run: bool,
    ) -> Result<Moved, AskError> {
        let scheduler = self.clone();
        let moved = uncut(async move {
            let (store, now) = (&scheduler.store, scheduler.clock.now());
            if dry_run {
                return store.count_movable(how, &which).await;
            }
            let tell = |moved: Vec<MovedJob>| {
                handle::tell(&scheduler.changes, moved.into_iter().map(Change::from));
                scheduler.wake();
            };
            store.move_all(how, &which, now, tell).await
        });
        Ok(moved.await??)
    }
}

/// A transaction in which jobs are enqueued.
pub struct Enqueuing<'a> {
    transaction: Transaction<'a>,
    catalogue: &'a Catalogue,
}

impl Enqueuing<'_> {
    /// Enqueues jobs, and answers for each in the same order; each has its number already.
    pub async fn enqueue(&mut self, jobs: &[NewJob]) -> Result<Vec<Enqueued>, EnqueueError> {
        for job in jobs {
            self.catalogue.check_new(job)?;
        }
        Ok(self.transaction.enqueue(&traced(jobs.to_vec())).await?)
    }

    /// For the caller's own questions, put by [`on_connection!`](crate::on_connection).
    pub fn connection(&mut self) -> Connection<'_> {
        self.transaction.connection()
    }
}

/// The same jobs, at the place of the trace at which they are enqueued.
fn traced(jobs: Vec<NewJob>) -> Vec<NewJob> {
    let here = trace::current();
    let traced = |job: NewJob| job.traced(here.as_ref().map(Trace::as_str));
    jobs.into_iter().map(traced).collect()
}
