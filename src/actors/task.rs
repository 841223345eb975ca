//! The TaskActor: runs one task at a time. Hundreds of them share the actors' thread; the tasks
//! themselves run on threads of their own.

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Supervised, WrapFuture};

use super::{
    attempt::traced,
    probe::Post,
    scheduler::{Report, Run},
    station::{Bench, Station},
};
use crate::{
    jobs::{JobError, Work},
    queue::Outcome,
};

pub(super) struct TaskActor(pub Station);

impl Actor for TaskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.0.started(ctx);
    }
}

impl Supervised for TaskActor {}

impl Handler<Post<Report>> for TaskActor {
    type Result = ();

    fn handle(&mut self, post: Post<Report>, ctx: &mut Self::Context) {
        let (report, _handling) = post.open();
        self.0.report(report, ctx);
    }
}

impl Handler<Post<Run>> for TaskActor {
    type Result = ();

    fn handle(&mut self, post: Post<Run>, ctx: &mut Self::Context) {
        let (run, handling) = post.open();
        self.0.begin();
        let bench = self.0.bench.clone();
        let work = async move {
            // Boxed: it is large, and goes from hand to hand before it is at rest.
            let made = Box::pin(async {
                let made = attempt(&run, &bench).await;
                (made.unwrap_or_else(|outcome| outcome), ())
            });
            let (outcome, ()) = traced(&run.job, made).await;
            drop(handling);
            (run.ticket, outcome)
        };
        ctx.spawn(work.into_actor(self).map(|(ticket, outcome), actor, ctx| {
            actor.0.end(ticket, outcome, ctx);
        }));
    }
}

async fn attempt(run: &Run, bench: &Bench) -> Result<Outcome, Outcome> {
    let (kind, cx, bounds) = bench.prepare(run)?;
    let work = match kind.work {
        Work::Task(work) => work(run.job.clone(), cx),
        // The catalogue lets no letter into this queue; an operator's hand in the table might.
        Work::Letter(_) => Box::pin(async { Err(JobError::hopeless("a letter is no task")) }),
    };
    let done = bounds.run(work).await?;
    Ok(Outcome::Completed {
        result: done.result,
    })
}
