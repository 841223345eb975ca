//! How other rooms and actors speak to the Scheduler.

use std::{sync::Arc, time::Duration};

use tokio::sync::{broadcast, oneshot};

use super::{
    EnqueueError, SchedulerActor,
    crew::Worker,
    fresh::Fresh,
    messages::{Advance, Arrived, Cancel, Drain, HandBack, Leave, Pulse, Quiet, Ready, Wake},
};
use crate::{
    actors::{AskError, probe::Mailbox},
    clock::Clock,
    jobs::Catalogue,
    queue::{Flow, JobId, SignupId},
    store::{Asked, JobRow, MovedJob, Progress, QueueChange, Removal, Store},
    telemetry::{Trace, trace},
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
    pub(super) changes: broadcast::Sender<Changes>,
}

/// Jobs that have moved on at one time: whoever watches is woken once for all of them.
pub type Changes = Arc<[Change]>;

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

impl From<MovedJob> for Change {
    fn from(moved: MovedJob) -> Self {
        Change {
            job: moved.id,
            user: moved.user,
            signup: moved.signup,
        }
    }
}

impl Scheduler {
    /// The table has changed: look at it now and not at the next poll.
    pub fn wake(&self) {
        self.mailbox.tell(Wake);
    }

    /// These jobs were enqueued: the rest of the table is as it was.
    pub(in crate::actors) fn arrived<'a>(&self, jobs: impl IntoIterator<Item = &'a JobRow>) {
        let fresh = Fresh::of(jobs);
        if !fresh.is_empty() {
            self.mailbox.tell(Arrived(fresh));
        }
    }

    /// Enqueues jobs that wait for each other, all or none.
    pub async fn enqueue_flow(&self, flow: Flow) -> Result<Vec<JobRow>, EnqueueError> {
        for job in flow.jobs() {
            self.catalogue.check_new(job)?;
        }
        let (store, now) = (self.store.clone(), self.clock.now());
        let flow = flow.traced(trace::current().as_ref().map(Trace::as_str));
        let rows = uncut(async move { store.enqueue_flow(&flow, now).await }).await??;
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

    /// Cancels a job that waits, and asks one that executes to stop, on whichever instance; `None` if there
    /// is none, or it has ended.
    ///
    /// One that executes may clean up for some seconds, and may be completed before it hears of it.
    pub async fn cancel(&self, job: JobId) -> Result<Option<JobRow>, AskError> {
        let (store, now) = (self.store.clone(), self.clock.now());
        let row = uncut(async move { store.cancel(job, now).await }).await??;
        if let Some(asked) = row.as_ref().and_then(Asked::of) {
            self.mailbox.ask(Cancel(asked)).await?;
        }
        self.moved(row.as_ref());
        Ok(row)
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

    /// Makes a queue, or changes what is decided of it, on all instances.
    pub async fn set_queue(&self, queue: &str, set: QueueChange) -> Result<(), AskError> {
        let (store, queue) = (self.store.clone(), queue.to_owned());
        uncut(async move { store.set_queue(&queue, set).await }).await??;
        self.wake();
        Ok(())
    }

    /// Takes back all that was decided of a queue; with it goes one that no kind of job names, unless it
    /// holds jobs that are not finished.
    pub async fn remove_queue(&self, queue: &str) -> Result<Removal, AskError> {
        let (store, queue) = (self.store.clone(), queue.to_owned());
        let removal = uncut(async move { store.remove_queue(&queue).await }).await??;
        self.wake();
        Ok(removal)
    }

    /// News of every job that moves on here, from now on.
    pub fn changes(&self) -> broadcast::Receiver<Changes> {
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
        self.mailbox.tell(Ready(Arc::new(worker), shift));
    }

    pub(in crate::actors) fn advance(&self, progress: Progress) {
        self.mailbox.tell(Advance(progress));
    }

    pub(super) fn moved(&self, row: Option<&JobRow>) {
        if let Some(job) = row {
            tell(&self.changes, [Change::of(job)]);
            self.wake();
        }
    }
}

/// Tells those who watch, if anybody does.
pub(super) fn tell(
    watchers: &broadcast::Sender<Changes>,
    changes: impl IntoIterator<Item = Change>,
) {
    let changes: Changes = changes.into_iter().collect();
    if !changes.is_empty() {
        // Nobody watches: then nobody need be told.
        let _ = watchers.send(changes);
    }
}

/// Runs a write to its end even if whoever asked goes away in the middle.
pub(super) async fn uncut<T: Send + 'static>(
    write: impl Future<Output = T> + Send + 'static,
) -> Result<T, AskError> {
    let written = tokio::spawn(write).await;
    written.map_err(|error| AskError::Fault(format!("the write broke off: {error}")))
}
