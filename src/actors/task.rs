//! The TaskActor: runs one task at a time. Hundreds of them share the actors' thread; the tasks
//! themselves run on the runtime's worker threads.

use std::sync::Arc;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Supervised, WrapFuture};

use super::{
    Scheduler,
    attempt::{Bounds, restart_after},
    probe::{Post, Vitals},
    scheduler::{Run, Worker},
    supervision::Life,
};
use crate::{
    jobs::{Catalogue, Context as JobContext, JobError, Tools, Work},
    queue::{Outcome, TASK},
};

pub(super) struct TaskActor {
    pub index: usize,
    pub life: Life,
    pub vitals: Arc<Vitals>,
    pub catalogue: Catalogue,
    pub tools: Tools,
    pub scheduler: Scheduler,
}

impl Actor for TaskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.scheduler.ready(Worker {
            queue: TASK,
            index: self.index,
            inbox: ctx.address().recipient(),
            vitals: self.vitals.clone(),
        });
    }
}

impl Supervised for TaskActor {}

impl Handler<Post<Run>> for TaskActor {
    type Result = ();

    fn handle(&mut self, post: Post<Run>, ctx: &mut Self::Context) {
        let (run, handling) = post.open();
        let (catalogue, tools) = (self.catalogue.clone(), self.tools.clone());
        let work = async move {
            let outcome = self::run(&run, &catalogue, tools).await;
            drop(handling);
            (run.ticket, outcome)
        };
        ctx.spawn(work.into_actor(self).map(|(ticket, outcome), actor, ctx| {
            let fall = restart_after(&outcome);
            ticket.answer(outcome, fall.is_none());
            if let Some(fall) = fall {
                actor.life.fall(ctx, fall);
            }
        }));
    }
}

async fn run(run: &Run, catalogue: &Catalogue, tools: Tools) -> Outcome {
    let Some(kind) = catalogue.kind(&run.job.kind) else {
        return Outcome::HandedBack;
    };
    let cx = JobContext::new(tools, run.job.clone());
    let bounds = Bounds::new(cx.clock(), cx.begun(), kind.policy.time_limit, &run.cancel);
    let work = match kind.work {
        Work::Task(work) => work(run.job.clone(), cx),
        // The catalogue lets no letter into this queue; an operator's hand in the table might.
        Work::Letter(_) => Box::pin(async { Err(JobError::hopeless("a letter is no task")) }),
    };
    match bounds.run(work).await {
        Ok(done) => Outcome::Completed {
            result: done.result,
        },
        Err(outcome) => outcome,
    }
}
