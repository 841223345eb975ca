//! A turn: write down what ended, claim what is due, hand it to free actors.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix::Context;
use jiff::Timestamp;

use super::{
    Change, Running, SchedulerActor, Worker, crontab,
    ends::Answer,
    plan::{Plan, Since},
    queues::Decided,
    upkeep::complain,
    window,
};
use crate::{
    actors::stop::Stop,
    fail_points,
    queue::{JobId, Left, Outcome},
    store::{Asked, Claim, JobRow, QueueRow, Settled, Shared, Store, StoreError, Wanted},
};

/// What a turn did, as far as it came.
#[derive(Default)]
pub(super) struct Taken {
    /// What became of the ends, in their order.
    pub settled: Vec<Answer>,
    /// The attempts of ours that somebody has asked to stop.
    pub asked: Option<Vec<Asked>>,
    /// The jobs whose progress was written down.
    pub advanced: Vec<JobId>,
    /// What operators have decided, if it was read anew.
    pub queues: Option<Vec<QueueRow>>,
    /// The state in which the database was found, if that was asked.
    pub version: Option<Since>,
    /// Where jobs fell due, and how many.
    pub staged: BTreeMap<String, usize>,
    pub due: Option<Vec<Timestamp>>,
    pub looked: Option<crontab::Looked>,
    /// Every job that executes in our name, as far as was known before the claims.
    pub ours: Option<Vec<JobRow>>,
    pub claimed: Vec<JobRow>,
    /// What the claims left behind, by queue.
    pub left: Vec<(Arc<str>, Left)>,
    /// Where the database had no answer.
    pub failure: Option<StoreError>,
}

impl Taken {
    /// Takes in what was claimed of a queue. If the database refuses the claim, the log says so; the other queues have
    /// done nothing to deserve that, and are served.
    fn take_in(
        &mut self,
        queue: &Arc<str>,
        claim: Result<Claim, StoreError>,
    ) -> Result<(), StoreError> {
        let claim = claim.inspect_err(|error| {
            if error.is_about_the_rows() {
                tracing::error!(
                    queue = &**queue,
                    %error,
                    "nothing can be claimed from this queue, until the database allows it; the others are served"
                );
            }
        })?;
        self.left.push((queue.clone(), claim.left));
        self.claimed.extend(claim.jobs);
        Ok(())
    }
}

/// A claimed job on its way to the worker that is to do it.
pub(super) struct TakenOn {
    job: Arc<JobRow>,
    stop: Stop,
    worker: Arc<Worker>,
}

/// Takes a turn; a database that is away ends it early.
pub(super) async fn take_turn(store: &Store, plan: &Plan) -> Taken {
    let mut taken = Taken::default();
    if let Err(error) = steps(store, plan, &mut taken).await {
        taken.failure = Some(error);
    }
    taken
}

async fn steps(store: &Store, plan: &Plan, taken: &mut Taken) -> Result<(), StoreError> {
    if let Some(ends) = plan.ends_to_share(store)
        && share(store, plan, ends, taken).await?
    {
        return Ok(());
    }
    // First: nothing is to keep an end from being written down.
    plan.settle.write_down(store, &mut taken.settled).await?;
    let changed = match plan.poll {
        Some(since) => poll(store, since, taken).await?,
        None => false,
    };
    let refresh = plan.refresh || changed;
    heed(store, plan, changed, taken).await?;
    if !plan.progress.is_empty() {
        match store.note_progress(&plan.owner, &plan.progress).await {
            // More of it comes, and nothing depends on it.
            Err(error) if error.is_about_the_rows() => {
                complain(&error, "progress cannot be written down");
            }
            answer => {
                answer?;
                taken.advanced = plan.progress.iter().map(|progress| progress.job).collect();
            }
        }
    }
    let mut paused = plan.paused.clone();
    if refresh {
        let queues = store.queues().await?;
        paused = Decided::of(&queues).paused;
        taken.queues = Some(queues);
    }
    if let Some(catalogue) = &plan.catalogue
        && (plan.calendar || changed)
    {
        taken.looked = Some(crontab::look(store, catalogue, plan.clock.now()).await?);
    }
    // One instant for both: what fell due between two would be in neither answer.
    let now = plan.clock.now();
    if plan.stage || refresh {
        taken.staged = store.stage(now).await?;
    }
    if refresh {
        taken.due = Some(store.due_after(now, window::SPAN).await?);
    }
    if plan.unsure {
        taken.ours = Some(store.executing(&plan.owner).await?);
    }
    let mut answer = Ok(());
    let fired = taken.looked.as_ref().is_some_and(|looked| looked.fired);
    let staged = &taken.staged;
    let has_some = |queue: &str| refresh || fired || staged.contains_key(queue);
    for wanted in plan.open(&paused, has_some) {
        let Wanted {
            queue,
            kinds,
            limit,
        } = wanted;
        let claim = store.claim(queue, kinds, *limit, &plan.owner, plan.clock.now());
        match taken.take_in(queue, claim.await) {
            Ok(()) => {}
            Err(error) if error.is_about_the_rows() => answer = Err(error),
            Err(error) => return Err(error),
        }
    }
    answer
}

/// Writes down what ended, and claims, at one time. `false` says that the database refuses something of it, and nothing
/// was done: then each is to be tried by itself. On PostgreSQL claims may stand though ends were refused; of these each is
/// tried by itself here.
async fn share(
    store: &Store,
    plan: &Plan,
    ends: &[Settled],
    taken: &mut Taken,
) -> Result<bool, StoreError> {
    let wanted = plan.open(&plan.paused, |_| false);
    let wanted: Vec<_> = wanted.into_iter().cloned().collect();
    let now = plan.clock.now();
    let Shared { ours, claims } = store
        .settle_and_claim(ends, &wanted, &plan.owner, now)
        .await;
    let apart = !claims.is_empty();
    let mut answer = Ok(true);
    for (wanted, claim) in wanted.iter().zip(claims) {
        if let Err(error) = taken.take_in(&wanted.queue, claim) {
            answer = Err(error);
        }
    }
    match ours {
        Ok(ours) => taken.settled.extend(ours.into_iter().map(Answer::of)),
        Err(error) if !error.is_about_the_rows() => return Err(error),
        Err(_) if apart => plan.settle.write_down(store, &mut taken.settled).await?,
        Err(_) => return Ok(false),
    }
    heed(store, plan, false, taken).await?;
    answer
}

/// Whether somebody may have written since all of the table was read.
async fn poll(store: &Store, since: Since, taken: &mut Taken) -> Result<bool, StoreError> {
    let version = store.version().await?;
    taken.version = Some(version);
    Ok(version.is_none() || version != since)
}

/// Looks which attempts somebody has asked to stop, if there may be some.
async fn heed(
    store: &Store,
    plan: &Plan,
    changed: bool,
    taken: &mut Taken,
) -> Result<(), StoreError> {
    // An end may be late because it was judged before somebody asked.
    let late = |answer: &Answer| matches!(answer, Answer::Late);
    if plan.heed || changed && plan.busy || taken.settled.iter().any(late) {
        taken.asked = Some(store.asked(&plan.owner).await?);
    }
    Ok(())
}

impl SchedulerActor {
    /// Finds a worker for each claimed job, in the order in which they are to start: the next turn must not count
    /// on the same ones.
    pub(super) fn take_on(&mut self, claimed: Vec<JobRow>) -> Vec<TakenOn> {
        let mut taken_on = Vec::with_capacity(claimed.len());
        for job in claimed {
            // A claim that was under way when this instance was struck out is an orphan already.
            if job.owner.as_deref() != Some(&*self.owner) {
                continue;
            }
            let (job, stop) = (Arc::new(job), Stop::default());
            let running = Running {
                job: job.clone(),
                stop: stop.clone(),
            };
            self.running.insert(job.id, running);
            if self.stopping {
                // The stop came while the claim was under way.
                self.judge(&job, Outcome::NotBegun);
            } else if let Some(worker) = self.crew.reserve(&job.queue) {
                taken_on.push(TakenOn { job, stop, worker });
            } else {
                // No more are claimed than were free, and nobody else gives them work.
                tracing::error!(job.id = job.id.0, "a claimed job found no free actor");
                self.judge(&job, Outcome::NotBegun);
            }
        }
        taken_on
    }

    /// Hands them out, and answers with what is to be told of it.
    pub(super) fn hand_out(
        &mut self,
        taken_on: Vec<TakenOn>,
        ctx: &mut Context<Self>,
    ) -> Vec<Change> {
        let (mailbox, now) = (self.mailbox(ctx), self.parts.clock.now());
        let mut begun = Vec::with_capacity(taken_on.len());
        for TakenOn { job, stop, worker } in taken_on {
            let late = Duration::try_from(now.duration_since(job.run_at)).unwrap_or_default();
            self.parts.metrics.job_started(&job.queue, &job.kind, late);
            begun.push(Change::of(&job));
            fail_points::pass!("scheduler.hand_out");
            self.crew.hand_out(job, stop, worker, &mailbox);
        }
        begun
    }
}
