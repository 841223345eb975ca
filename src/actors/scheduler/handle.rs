//! How other rooms and actors speak to the Scheduler.

use std::time::Duration;

use tokio::sync::{broadcast, oneshot};

use super::{
    SchedulerActor,
    crew::Worker,
    messages::{Advance, CancelRunning, Drain, HandBack, Leave, Pulse, Quiet, Ready, Wake},
};
use crate::{
    actors::{AskError, probe::Mailbox},
    clock::Clock,
    jobs::Catalogue,
    queue::{JobId, NewJob, SignupId},
    store::{JobRow, Progress, Store},
};

/// How long the loop may take to answer before it counts as stuck.
const PULSE: Duration = Duration::from_secs(1);

/// How long the hand-back at a stop may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Claims, hands out and settles jobs. Clones speak to the same actor.
#[derive(Clone)]
pub struct Scheduler {
    pub(super) mailbox: Mailbox<SchedulerActor>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) catalogue: Catalogue,
    pub(super) changes: broadcast::Sender<Change>,
}

/// A job has moved on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub job: JobId,
    pub user: Option<i64>,
    pub signup: Option<SignupId>,
}

impl Change {
    pub(super) fn of(job: &JobRow) -> Self {
        Change {
            job: job.id,
            user: job.user,
            signup: job.signup,
        }
    }
}

impl Scheduler {
    /// The table has changed: look at it now and not at the next poll.
    pub fn wake(&self) {
        self.mailbox.tell(Wake);
    }

    /// Enqueues jobs, all or none.
    pub async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<JobRow>, AskError> {
        let (store, now) = (self.store.clone(), self.clock.now());
        let rows = uncut(async move { store.enqueue(&jobs, now).await }).await??;
        self.wake();
        Ok(rows)
    }

    /// Makes a job that failed or was cancelled due again; `None` if there is none in such a state.
    pub async fn retry(&self, job: JobId) -> Result<Option<JobRow>, AskError> {
        let (store, now) = (self.store.clone(), self.clock.now());
        let row = uncut(async move { store.retry(job, now).await }).await??;
        self.moved(row.as_ref());
        Ok(row)
    }

    /// Cancels a job that waits or runs here; `None` if there is none in such a state.
    ///
    /// One that runs is told to stop, and may be over before it hears it.
    pub async fn cancel(&self, job: JobId) -> Result<Option<JobRow>, AskError> {
        let (store, now) = (self.store.clone(), self.clock.now());
        let waiting = uncut(async move { store.cancel(job, now).await }).await??;
        if waiting.is_some() {
            self.moved(waiting.as_ref());
            return Ok(waiting);
        }
        match self.mailbox.ask(CancelRunning(job)).await? {
            true => Ok(self.store.job(job).await?),
            false => Ok(None),
        }
    }

    /// Stops the claiming of a queue's jobs, on all instances.
    pub async fn pause(&self, queue: &str, because: &str) -> Result<(), AskError> {
        let (store, now) = (self.store.clone(), self.clock.now());
        let (queue, because) = (queue.to_owned(), because.to_owned());
        uncut(async move { store.pause_queue(&queue, &because, now).await }).await??;
        self.wake();
        Ok(())
    }

    /// Lets a queue's jobs be claimed again.
    pub async fn resume(&self, queue: &str) -> Result<(), AskError> {
        let (store, queue) = (self.store.clone(), queue.to_owned());
        uncut(async move { store.resume_queue(&queue).await }).await??;
        self.wake();
        Ok(())
    }

    /// News of every job that moves on here, from now on.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Whether the loop turns.
    pub async fn turning(&self) -> bool {
        let pulse = tokio::time::timeout(PULSE, self.mailbox.ask(Pulse));
        matches!(pulse.await, Ok(Ok(())))
    }

    /// The kinds of job that can be claimed here.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Claims no more, gives running attempts `grace` to end, and hands the rest back uncharged.
    ///
    /// `false` says that the database had no answer: then the jobs wait for the next start, or for
    /// the lease to run out.
    pub async fn drain(&self, grace: Duration) -> bool {
        let (ended, drained) = oneshot::channel();
        self.mailbox.tell(Drain(ended));
        if matches!(tokio::time::timeout(grace, drained).await, Ok(Ok(()))) {
            return true;
        }
        let (ended, drained) = oneshot::channel();
        self.mailbox.tell(HandBack(ended));
        matches!(tokio::time::timeout(FAREWELL, drained).await, Ok(Ok(())))
    }

    /// Waits until all that can begin has begun and all that ended is written down, and tells how many attempts
    /// are under way here; `None` once the Scheduler is gone.
    pub(crate) async fn quiet(&self) -> Option<usize> {
        let (tell, quiet) = oneshot::channel();
        self.mailbox.tell(Quiet(tell));
        quiet.await.ok()
    }

    /// Strikes this instance out, once it has nothing left to do.
    pub async fn leave(&self) -> Result<(), AskError> {
        Ok(self.mailbox.ask(Leave).await??)
    }

    pub(in crate::actors) fn ready(&self, worker: Worker, shift: u64) {
        self.mailbox.tell(Ready(worker, shift));
    }

    pub(in crate::actors) fn advance(&self, progress: Progress) {
        self.mailbox.tell(Advance(progress));
    }

    fn moved(&self, row: Option<&JobRow>) {
        if let Some(job) = row {
            // Nobody watches: then nobody need be told.
            let _ = self.changes.send(Change::of(job));
            self.wake();
        }
    }
}

/// Runs a write to its end even if whoever asked goes away in the middle.
async fn uncut<T: Send + 'static>(
    write: impl Future<Output = T> + Send + 'static,
) -> Result<T, AskError> {
    let written = tokio::spawn(write).await;
    written.map_err(|error| AskError::Fault(format!("the write broke off: {error}")))
}
