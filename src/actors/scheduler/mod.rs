//! The Scheduler: claims what is due, hands it to free actors, writes down how it ended.
//!
//! The table is the truth and a timer only a reminder: one `run_later` is armed for the next due
//! instant, and a lost one costs a poll. All writing is done in *turns*, one at a time: what ended
//! while a turn ran is written by the next, many at once.

mod crew;
mod crontab;
mod dispatch;
mod ends;
mod enqueue;
mod fresh;
mod handle;
mod messages;
mod news;
mod plan;
mod queues;
mod settle;
mod start;
mod timer;
mod upkeep;
mod whereabouts;
mod window;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    future::ready,
    panic,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle, Supervised, WrapFuture};
use tokio::sync::{broadcast, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::{
    probe::{Mailbox, Vitals},
    stop::Stop,
};
use crate::{
    fail_points,
    queue::{JobId, Watch},
    store::{JobRow, Progress, Settled},
};
use crew::Crew;
pub(super) use crew::{Report, Run, Ticket, Worker};
use crontab::Calendar;
use ends::Ends;
pub use enqueue::{EditError, EnqueueError, Enqueuing};
use fresh::Fresh;
pub use handle::{Change, Changes, Scheduler};
use plan::Since;
use queues::{Decided, Holds};
pub(super) use start::{Parts, start};
use upkeep::complain;
use window::Window;

/// How long the table goes unread at the most, unless it is known to be unchanged: what another process wrote is found
/// by then.
const POLL: Duration = Duration::from_secs(5);

/// How soon a turn is tried again after the database had no answer.
const AGAIN: Duration = Duration::from_secs(1);

/// How long news of progress waits for more of it.
const PROGRESS: Duration = Duration::from_millis(250);

pub(super) struct SchedulerActor {
    parts: Parts,
    vitals: Arc<Vitals>,
    /// The name of this life of the instance: the owner of what it claims.
    owner: Arc<str>,
    /// By which this process knows its own announcements.
    voice: Arc<str>,
    watch: Watch<Arc<str>>,
    crew: Crew,
    running: HashMap<JobId, Running>,
    ends: Ends,
    /// Attempts, by job and number, that were begun here and ended, of which the table may know nothing.
    unwritten: HashSet<(JobId, i32)>,
    progress: HashMap<JobId, Progress>,
    /// It has waited for long enough for more of it.
    progress_is_due: bool,
    decided: Decided,
    holds: Holds,
    /// The queues that may hold available jobs.
    backlog: BTreeSet<Arc<str>>,
    /// Was enqueued here since the last turn began.
    fresh: Fresh,
    window: Window,
    calendar: Calendar,
    timer: Option<SpawnHandle>,
    /// When the table was last read anew, or found unchanged, by the machine's own time.
    refreshed: Option<Instant>,
    /// The state of the database of which everything is known.
    polled: Since,
    /// The state in which it was when others were last looked at.
    looked_at: Since,
    /// A turn is under way, and whether another is wanted after it.
    turning: bool,
    again: bool,
    /// This instance is not entered yet, or not any more: no turn is taken.
    entering: bool,
    /// Whether there may be other instances, to hear news; and whether one was heard since the last look began.
    others: bool,
    heard: bool,
    /// They were told something a moment ago, and whether there is more to tell.
    announcing: bool,
    more_news: bool,
    /// The table may have changed since it was last read, in ways that only it can tell.
    stale: bool,
    /// The database had no answer: no turn is taken before the timer allows it.
    resting: bool,
    /// Somebody may have asked an attempt to stop that is made here.
    heed: bool,
    /// A claim may have been written whose answer was lost.
    unsure: bool,
    /// The program stops: nothing more is claimed.
    stopping: bool,
    /// Who waits for the last attempt to be written down.
    drained: Option<oneshot::Sender<()>>,
    /// Who waits for a quiet moment.
    quiet: Vec<oneshot::Sender<usize>>,
    changes: broadcast::Sender<Changes>,
}

/// An attempt under way on this instance.
struct Running {
    job: Arc<JobRow>,
    stop: Stop,
}

impl Actor for SchedulerActor {
    type Context = Context<Self>;

    /// Also after a fall: what was in the air is found in the table again.
    fn started(&mut self, ctx: &mut Self::Context) {
        self.enter(ctx);
        self.keep_up(ctx);
        self.watch_the_clock(ctx);
    }
}

impl Supervised for SchedulerActor {
    /// The turn that was under way is gone; whether it was written is for the table to say.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.turning = false;
        self.resting = false;
        self.announcing = false;
        self.more_news = false;
        self.timer = None;
        self.stale = true;
        // Its timer may be gone with the fall.
        self.progress_is_due = true;
        self.window = Window::unknown();
        self.calendar.forget();
        self.ends.put_back();
        // The message that it fell over may have been the one that set a worker free.
        self.crew.begin_shift();
    }
}

impl SchedulerActor {
    /// Takes a turn, or another one after the one that is under way.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        if self.turning || self.resting || self.entering {
            self.again = true;
            return;
        }
        self.turning = true;
        self.again = false;
        let plan = self.plan();
        if plan.asks_nothing() {
            // Soon, and not at once: whoever calls this may have something to do before.
            let done = ready(()).into_actor(self);
            let done = done.map(|(), actor, ctx| actor.turned(dispatch::Taken::default(), ctx));
            ctx.spawn(done);
            return;
        }
        let store = self.parts.store.clone();
        // A task of its own: on the runtime of the program it has begun while jobs are still being handed out.
        let turn = tokio::spawn(async move { dispatch::take_turn(&store, &plan).await });
        let turn = AbortOnDropHandle::new(turn).into_actor(self);
        ctx.spawn(turn.map(|taken, actor, ctx| match taken {
            Ok(taken) => actor.turned(taken, ctx),
            Err(fallen) => panic::resume_unwind(fallen.into_panic()),
        }));
    }

    /// Takes in what a turn found, and begins the next one or arms the timer for it.
    ///
    /// What nobody waits for comes last: the database need not wait for it either.
    fn turned(&mut self, taken: dispatch::Taken, ctx: &mut Context<Self>) {
        fail_points::pass!("scheduler.turned");
        self.turning = false;
        let counts = |settled: &Settled| self.decided.counts(&settled.job.queue);
        if self.ends.settling().any(counts) {
            // Another instance may have free actors for the room that this makes.
            self.announce(ctx);
        }
        let asked = taken.asked.unwrap_or_default();
        let (resolved, frees) = self.settled(taken.settled, &asked);
        if frees {
            self.stale = true;
            self.again = true;
            self.announce(ctx);
        }
        if let Some(ours) = taken.ours {
            self.rescue(ours);
            // Of all others the table knows.
            self.unwritten.clear();
        }
        if let Some(instants) = taken.due {
            self.window = Window::filled(instants);
            self.refreshed = Some(Instant::now());
            self.backlog.extend(self.crew.queues().cloned());
        }
        if let Some(version) = taken.version.filter(|_| taken.failure.is_none()) {
            self.refreshed = Some(Instant::now());
            self.calendar.stays();
            self.polled = version;
        }
        if let Some(looked) = taken.looked {
            self.calendar.looked(&looked);
            if looked.fired {
                self.backlog.extend(self.crew.queues().cloned());
                self.announce(ctx);
            }
        }
        for (queue, staged) in &taken.staged {
            self.backlog.extend(self.crew.serves(queue));
            let claimed = taken.claimed.iter().filter(|job| job.queue == *queue);
            if claimed.count() < *staged {
                // Other instances passed them by while this one staged them.
                self.announce(ctx);
            }
        }
        for (queue, left) in taken.left {
            self.left_behind(queue, left);
        }
        let taken_on = self.take_on(taken.claimed);
        // Some of them may have been claimed a moment ago.
        for asked in &asked {
            self.ask_to_stop(asked);
        }
        if let Some(queues) = taken.queues {
            self.decide(&queues);
        }
        let mut idle = false;
        if let Some(error) = taken.failure {
            complain(
                &error,
                "the scheduler could not take its turn; it tries again",
            );
            self.stale = true;
            self.heed = true;
            self.calendar.forget();
            self.unsure = true;
            self.resting = true;
            self.arm_in(AGAIN, ctx);
        } else if self.again || self.ends.are_due(self.parts.clock.now()) {
            self.turn(ctx);
        } else {
            idle = true;
            self.arm(ctx);
        }
        let ended = self.report(&resolved);
        let begun = self.hand_out(taken_on, ctx);
        let advanced = taken.advanced.iter();
        let advanced = advanced.filter_map(|job| self.running.get(job));
        let advanced = advanced.map(|running| Change::of(&running.job));
        let changes = ended.into_iter().chain(begun).chain(advanced);
        handle::tell(&self.changes, changes);
        self.show();
        if idle {
            self.end_drain();
            self.tell_quiet();
        }
    }

    fn mailbox(&self, ctx: &mut Context<Self>) -> Mailbox<Self> {
        Mailbox::new(ctx.address(), self.vitals.clone())
    }
}
