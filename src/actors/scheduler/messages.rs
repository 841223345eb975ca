//! What the Scheduler is told and asked.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use super::{
    PROGRESS, SchedulerActor,
    crew::{Ended, Worker},
    fresh::Fresh,
};
use crate::{
    actors::probe::{Named, Post},
    fail_points,
    queue::Outcome,
    store::{Asked, Progress, StoreError},
};

/// The table was changed here: look at it, and tell the other instances.
pub(super) struct Wake;

/// Jobs were enqueued here: see to them, and tell the other instances.
pub(super) struct Arrived(pub Fresh);

/// Another instance has changed the table: look at it.
pub(super) struct Heard;

/// An entry of the crontab was changed here: read it anew.
pub(super) struct EntryChanged;

/// A worker is free, in this shift of the crew.
pub(super) struct Ready(pub Arc<Worker>, pub u64);

/// An attempt has come so far.
pub(super) struct Advance(pub Progress);

/// Somebody has asked an attempt to stop, which may be under way here.
pub(super) struct Cancel(pub Asked);

/// Answer, to show that the loop turns.
pub(super) struct Pulse;

/// Claim no more; answer once every attempt has ended and is written down.
pub(super) struct Drain(pub oneshot::Sender<()>);

/// Read the table anew; answer, once all that can begin has begun and all that ended is written down, how
/// many attempts are under way here.
pub(super) struct Quiet(pub oneshot::Sender<usize>);

/// Hand back what is still running; answer once that is written down.
pub(super) struct HandBack(pub oneshot::Sender<()>);

/// Strike this instance out: it has nothing left to do.
pub(super) struct Leave;

macro_rules! messages {
    ($($message:ty => $answer:ty, $name:literal;)*) => {$(
        impl Message for $message {
            type Result = $answer;
        }
        impl Named for $message {
            const NAME: &'static str = $name;
        }
    )*};
}

messages! {
    Wake => (), "wake";
    Arrived => (), "arrived";
    Heard => (), "heard";
    EntryChanged => (), "entry_changed";
    Ready => (), "ready";
    Advance => (), "advance";
    Cancel => (), "cancel";
    Pulse => (), "pulse";
    Drain => (), "drain";
    Quiet => (), "quiet";
    HandBack => (), "hand_back";
    Leave => Result<(), StoreError>, "leave";
}

impl Handler<Post<Wake>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Wake>, ctx: &mut Context<Self>) {
        let (Wake, _handling) = post.open();
        self.stale = true;
        self.turn(ctx);
        self.announce(ctx);
    }
}

impl Handler<Post<Arrived>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Arrived>, ctx: &mut Context<Self>) {
        let (Arrived(fresh), _handling) = post.open();
        self.fresh.extend(fresh);
        self.turn(ctx);
        self.announce(ctx);
    }
}

impl Handler<Post<Heard>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Heard>, ctx: &mut Context<Self>) {
        let (Heard, _handling) = post.open();
        self.heard = true;
        self.others = true;
        self.stale = true;
        self.heed = true;
        self.turn(ctx);
    }
}

impl Handler<Post<EntryChanged>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<EntryChanged>, ctx: &mut Context<Self>) {
        let (EntryChanged, _handling) = post.open();
        self.calendar.forget();
        self.turn(ctx);
    }
}

impl Handler<Post<Ready>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Ready>, ctx: &mut Context<Self>) {
        let (Ready(worker, shift), _handling) = post.open();
        self.backlog.insert(worker.queue.clone());
        self.crew.add(worker, shift);
        self.turn(ctx);
    }
}

impl Handler<Post<Ended>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Ended>, ctx: &mut Context<Self>) {
        let (ended, _handling) = post.open();
        fail_points::pass!("scheduler.attempt_ended");
        if let Some(worker) = ended.free {
            self.crew.add(worker, ended.shift);
        }
        self.judge(&ended.job, ended.outcome);
        self.turn(ctx);
    }
}

impl Handler<Post<Advance>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Advance>, ctx: &mut Context<Self>) {
        let (Advance(progress), _handling) = post.open();
        if self.progress.is_empty() {
            ctx.run_later(PROGRESS, |actor, ctx| {
                actor.progress_is_due = true;
                actor.turn(ctx);
            });
        }
        let before = self.progress.remove(&progress.job);
        let before = before.filter(|before| before.attempt == progress.attempt);
        let message = progress.message.or_else(|| before?.message);
        let progress = Progress {
            message,
            ..progress
        };
        self.progress.insert(progress.job, progress);
    }
}

impl Handler<Post<Cancel>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Cancel>, _: &mut Context<Self>) {
        let (Cancel(asked), _handling) = post.open();
        if !self.ask_to_stop(&asked) {
            // The claim of it may be under way.
            self.heed = true;
        }
    }
}

impl Handler<Post<Pulse>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Pulse>, _: &mut Context<Self>) {
        let (Pulse, _handling) = post.open();
    }
}

impl Handler<Post<Drain>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Drain>, ctx: &mut Context<Self>) {
        let (Drain(drained), _handling) = post.open();
        self.stopping = true;
        self.ends.hurry();
        self.drained = Some(drained);
        self.turn(ctx);
    }
}

impl Handler<Post<Quiet>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<Quiet>, ctx: &mut Context<Self>) {
        let (Quiet(quiet), _handling) = post.open();
        self.stale = true;
        self.quiet.push(quiet);
        self.turn(ctx);
    }
}

impl Handler<Post<HandBack>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, post: Post<HandBack>, ctx: &mut Context<Self>) {
        let (HandBack(drained), _handling) = post.open();
        let running: Vec<_> = self.running.values().map(|r| r.job.clone()).collect();
        for job in running {
            self.judge(&job, Outcome::HandedBack);
        }
        self.drained = Some(drained);
        self.turn(ctx);
    }
}

impl Handler<Post<Leave>> for SchedulerActor {
    type Result = ResponseFuture<Result<(), StoreError>>;

    fn handle(&mut self, post: Post<Leave>, _: &mut Context<Self>) -> Self::Result {
        let (Leave, handling) = post.open();
        let (store, owner, voice) = (
            self.parts.store.clone(),
            self.owner.clone(),
            self.voice.clone(),
        );
        Box::pin(async move {
            let _handling = handling;
            store.leave(&owner).await?;
            // What was handed back need not wait for the others' next poll.
            store.announce(&voice).await
        })
    }
}
