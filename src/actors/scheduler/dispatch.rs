//! A turn: write down what ended, claim what is due, hand it to free actors.

use std::{
    collections::HashSet,
    mem::{replace, take},
    sync::Arc,
    time::Duration,
};

use actix::Context;
use jiff::Timestamp;

use super::{
    POLL, Running, SchedulerActor, Worker, crontab,
    ends::{Answer, Batch, Claims},
    queues::Decided,
    upkeep::complain,
    window,
};
use crate::{
    actors::stop::Stop,
    clock::Clock,
    fail_points,
    jobs::Catalogue,
    queue::{JobId, Left, Outcome},
    store::{Asked, JobRow, Progress, QueueRow, Store, StoreError, Wanted},
};

/// What a turn is to do, decided before it begins.
pub(super) struct Plan {
    owner: Arc<str>,
    /// Read anew for each step: a job that is claimed after a wait for the database began after it.
    clock: Clock,
    settle: Batch,
    progress: Vec<Progress>,
    /// Read the table anew: pauses, and what falls due.
    refresh: bool,
    /// Look for attempts here that somebody has asked to stop.
    heed: bool,
    /// Look whether entries of the crontab are due, to make jobs of these kinds.
    calendar: Option<Catalogue>,
    /// Look for jobs that were claimed for us without our knowledge.
    unsure: bool,
    /// Jobs fall due now.
    stage: bool,
    /// What to claim, unless its queue is paused.
    claim: Vec<Wanted<'static>>,
    paused: HashSet<String>,
}

impl Plan {
    /// Whether the database need not be asked.
    pub(super) fn asks_nothing(&self) -> bool {
        let looks = self.refresh || self.heed || self.calendar.is_some() || self.unsure;
        let does = self.stage || !self.claim.is_empty() || !self.progress.is_empty();
        !looks && !does && self.settle.is_empty()
    }
}

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
    if plan.refresh {
        let queues = store.queues().await?;
        paused = Decided::of(&queues).paused;
        taken.queues = Some(queues);
    }
    if let Some(catalogue) = &plan.calendar {
        taken.looked = Some(crontab::look(store, catalogue, plan.clock.now()).await?);
    }
    // One instant for both: what fell due between two would be in neither answer.
    let now = plan.clock.now();
    if plan.stage || plan.refresh {
        store.stage(now).await?;
    }
    if plan.refresh {
        taken.due = Some(store.due_after(now, window::SPAN).await?);
    }
    if plan.unsure {
        taken.ours = Some(store.executing(&plan.owner).await?);
    }
    let mut wanted = plan.claim.clone();
    wanted.retain(|wanted| !paused.contains(&*wanted.queue));
    let claims = Claims {
        wanted: &wanted,
        owner: &plan.owner,
        clock: &plan.clock,
    };
    let claims = plan
        .settle
        .write_down(store, claims, &mut taken.settled)
        .await?;
    for (wanted, claim) in wanted.into_iter().zip(claims) {
        taken.left.push((wanted.queue, claim.left));
        taken.claimed.extend(claim.jobs);
    }
    // An end may be late because it was judged before somebody asked.
    let late = |answer: &Answer| matches!(answer, Answer::Late);
    if plan.heed || taken.settled.iter().any(late) {
        taken.asked = Some(store.asked(&plan.owner).await?);
    }
    Ok(())
}

impl SchedulerActor {
    /// Decides what the next turn is to do.
    pub(super) fn plan(&mut self) -> Plan {
        let now = self.parts.clock.now();
        let fresh = take(&mut self.fresh);
        for instant in fresh.due {
            self.window.add(instant);
        }
        for queue in fresh.queues {
            match self.crew.serves(&queue) {
                Some(queue) => self.backlog.insert(queue),
                // Somebody may have made it a moment ago.
                None => replace(&mut self.stale, true),
            };
        }
        let stage = self.window.pass(now);
        let polls = self.unread() >= POLL;
        let refresh = take(&mut self.stale) || self.window.is_spent() || polls;
        let calendar = self.calendar.calls(now) && !self.stopping;
        if stage || refresh || calendar {
            self.backlog.extend(self.crew.queues().cloned());
        }
        self.backlog.extend(self.holds.passed(now));
        let settle = self.ends.take(now);
        for settled in settle.ends() {
            // What ends is written down before anything is claimed.
            self.backlog.extend(self.holds.ended(&settled.job.queue));
        }
        let free = |queue: &str| {
            if self.stopping {
                0
            } else {
                self.crew.free(queue)
            }
        };
        let claim = self
            .backlog
            .iter()
            .map(|queue| (queue, free(queue)))
            .filter(|(_, free)| *free > 0)
            .map(|(queue, free)| Wanted {
                queue: queue.clone(),
                kinds: self.parts.catalogue.names(queue),
                limit: free,
            })
            .collect();
        let progress = match take(&mut self.advance) {
            true => self.progress.drain().map(|(_, news)| news).collect(),
            false => Vec::new(),
        };
        Plan {
            owner: self.owner.clone(),
            clock: self.parts.clock.clone(),
            settle,
            progress,
            refresh,
            heed: (take(&mut self.heed) || polls) && !self.running.is_empty(),
            calendar: calendar.then(|| self.parts.catalogue.clone()),
            unsure: take(&mut self.unsure),
            stage,
            claim,
            paused: self.decided.paused.clone(),
        }
    }

    /// Finds a worker for each claimed job, in the order in which they are to start: the next turn must not count
    /// on the same ones.
    pub(super) fn take_on(&mut self, claimed: Vec<JobRow>) -> Vec<TakenOn> {
        let now = self.parts.clock.now();
        let mut taken_on = Vec::with_capacity(claimed.len());
        for job in claimed {
            // A claim that was under way when this instance was struck out is an orphan already.
            if job.owner.as_deref() != Some(&*self.owner) {
                continue;
            }
            let (job, stop) = (Arc::new(job), Stop::default());
            let late = Duration::try_from(now.duration_since(job.run_at)).unwrap_or_default();
            self.parts.metrics.job_started(&job.queue, &job.kind, late);
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

    /// Hands them out.
    pub(super) fn hand_out(&mut self, taken_on: Vec<TakenOn>, ctx: &mut Context<Self>) {
        let mailbox = self.mailbox(ctx);
        for TakenOn { job, stop, worker } in taken_on {
            self.tell(&job);
            fail_points::pass!("scheduler.hand_out");
            self.crew.hand_out(job, stop, worker, &mailbox);
        }
    }
}
