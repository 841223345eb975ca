//! What an EmailActor and a TaskActor have in common: a place in the Scheduler's crew, and one attempt at
//! a time.

use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler};

use super::{
    Scheduler,
    attempt::{Bounds, restart_after},
    probe::{Post, Vitals},
    scheduler::{Report, Run, Ticket, Worker},
    spawner::Spawner,
    supervision::Life,
};
use crate::{
    fail_points,
    jobs::{Catalogue, Context as JobContext, Kind, Tools},
    queue::Outcome,
};

/// Where a worker stands, and what it works with.
pub(super) struct Station {
    pub queue: Arc<str>,
    /// Which of its queue's workers it is, from 0.
    pub index: usize,
    pub life: Life,
    pub vitals: Arc<Vitals>,
    pub scheduler: Scheduler,
    pub bench: Bench,
    shift: u64,
    busy: bool,
    /// The Scheduler has asked whether the worker is free, in the middle of an attempt.
    asked: bool,
}

/// What every attempt of a queue is made with. Clones are cheap.
#[derive(Clone)]
pub(super) struct Bench {
    pub catalogue: Catalogue,
    pub tools: Tools,
    /// To the threads on which the jobs' own code runs.
    pub spawner: Spawner,
}

impl Bench {
    /// What it takes to make this attempt. A kind that is not known here is handed back.
    pub(super) fn prepare(&self, run: &Run) -> Result<(&Kind, JobContext, Bounds), Outcome> {
        let job = &run.job;
        fail_points::pass!("handler.before_start", "{job:?}");
        let kind = self.catalogue.kind(&job.kind);
        let kind = kind.ok_or(Outcome::NotBegun)?;
        let cx = JobContext::new(self.tools.clone(), run.job.clone()).until(run.stop.token());
        let bounds = Bounds::new(
            &self.spawner,
            &self.tools.clock,
            cx.begun(),
            kind.policy.time_limit,
            &run.stop,
        );
        Ok((kind, cx, bounds))
    }
}

impl Station {
    pub(super) fn new(
        queue: Arc<str>,
        index: usize,
        life: Life,
        vitals: Arc<Vitals>,
        scheduler: Scheduler,
        bench: Bench,
    ) -> Self {
        Station {
            queue,
            index,
            life,
            vitals,
            scheduler,
            bench,
            shift: 0,
            busy: false,
            asked: false,
        }
    }

    /// The actor has started, or started again: whatever it was at is over.
    pub(super) fn started<A>(&mut self, ctx: &mut Context<A>)
    where
        A: Actor<Context = Context<A>> + Handler<Post<Run>> + Handler<Post<Report>>,
    {
        self.busy = false;
        self.ready(ctx);
    }

    /// The Scheduler has lost sight of who is free, and asks.
    pub(super) fn report<A>(&mut self, Report { shift }: Report, ctx: &mut Context<A>)
    where
        A: Actor<Context = Context<A>> + Handler<Post<Run>> + Handler<Post<Report>>,
    {
        self.shift = shift;
        match self.busy {
            true => self.asked = true,
            false => self.ready(ctx),
        }
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self) {
        self.busy = true;
    }

    /// An attempt has ended.
    pub(super) fn end<A>(&mut self, ticket: Ticket, outcome: Outcome, ctx: &mut Context<A>)
    where
        A: Actor<Context = Context<A>> + Handler<Post<Run>> + Handler<Post<Report>>,
    {
        let fall = restart_after(&outcome);
        ticket.answer(outcome, fall.is_none());
        self.busy = false;
        match fall {
            Some(fall) => self.life.fall(ctx, fall),
            None if self.asked => self.ready(ctx),
            None => {}
        }
    }

    fn ready<A>(&mut self, ctx: &mut Context<A>)
    where
        A: Actor<Context = Context<A>> + Handler<Post<Run>> + Handler<Post<Report>>,
    {
        self.asked = false;
        let worker = Worker {
            queue: self.queue.clone(),
            index: self.index,
            runs: ctx.address().recipient(),
            reports: ctx.address().recipient(),
            vitals: self.vitals.clone(),
        };
        self.scheduler.ready(worker, self.shift);
    }
}
