//! Our supervisor: restarts an actor that stopped or panicked, at the same address.
//!
//! actix's own revives an actor that stops itself, but one that panics takes its supervisor and its
//! mailbox with it. So the future that runs an actor, which actix makes public, is polled here, where
//! a panic can be caught: the mailbox and the address live on, and `restarting` drops whatever the
//! fall may have left broken.

use std::{
    cell::Cell,
    collections::VecDeque,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Supervised, dev::ContextFut};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::probe::Vitals;
use crate::clock::Clock;

/// Why an actor fell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fall {
    /// Its own code panicked.
    Panic,
    /// It met an error that it cannot live with.
    Error,
    /// The job it ran panicked. The actor begins afresh, and is not blamed.
    JobPanic,
    /// The job it ran did not end in time; likewise.
    JobTimeout,
}

impl Fall {
    /// All that [`Fall::reason`] may be.
    pub(super) const REASONS: [&str; 3] = ["panic", "error", "timeout"];

    /// The label `reason` of `cadastro_actor_restarts_total`.
    fn reason(self) -> &'static str {
        match self {
            Fall::Panic | Fall::JobPanic => "panic",
            Fall::Error => "error",
            Fall::JobTimeout => "timeout",
        }
    }

    /// A visitor's job that panics again and again must not stop the queue of all others.
    fn is_charged(self) -> bool {
        matches!(self, Fall::Panic | Fall::Error)
    }
}

/// How many falls are borne, and how long each restart waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intensity {
    /// More falls than this ..
    pub falls: usize,
    /// .. within this time are too many.
    pub within: Duration,
    /// The wait after a first fall; it doubles with each further one within the window.
    pub first_wait: Duration,
    /// The wait after too many.
    pub longest_wait: Duration,
}

impl Intensity {
    /// Five falls in a minute, as is usual for supervisors in Erlang's manner.
    pub(super) const USUAL: Intensity = Intensity {
        falls: 5,
        within: Duration::from_secs(60),
        first_wait: Duration::from_millis(10),
        longest_wait: Duration::from_secs(30),
    };

    fn wait(&self, falls: usize) -> Duration {
        if falls > self.falls {
            return self.longest_wait;
        }
        let doublings = falls.saturating_sub(1).min(20);
        self.first_wait
            .saturating_mul(1 << doublings)
            .min(self.longest_wait)
    }
}

/// The falls of one actor within the window.
struct Record {
    intensity: Intensity,
    falls: VecDeque<Timestamp>,
}

impl Record {
    fn new(intensity: Intensity) -> Self {
        let falls = VecDeque::new();
        Record { intensity, falls }
    }

    /// Takes note of a fall, and says how long to wait before the actor goes on.
    fn bear(&mut self, fall: Fall, now: Timestamp) -> Duration {
        if !fall.is_charged() {
            return Duration::ZERO;
        }
        let since = now.saturating_sub(self.intensity.within);
        let since = since.unwrap_or(Timestamp::MIN);
        self.falls.retain(|at| *at >= since);
        self.falls.push_back(now);
        self.intensity.wait(self.falls.len())
    }

    fn is_exceeded(&self, fall: Fall) -> bool {
        fall.is_charged() && self.falls.len() > self.intensity.falls
    }
}

/// By which an actor asks for its own restart.
#[derive(Clone, Default)]
pub(super) struct Life(Rc<Cell<Option<Fall>>>);

impl Life {
    /// Stops the actor, for its supervisor to restart it.
    pub(super) fn fall<A: Actor<Context = Context<A>>>(&self, ctx: &mut Context<A>, why: Fall) {
        self.0.set(Some(why));
        ctx.stop();
    }
}

/// Starts an actor that is restarted whenever it falls, for as long as somebody holds its address.
///
/// `exceeded` is called each time there were more falls than `intensity` bears.
pub(super) fn supervise<A>(
    vitals: Arc<Vitals>,
    intensity: Intensity,
    clock: Clock,
    exceeded: impl Fn() + 'static,
    make: impl FnOnce(&mut Context<A>, Life) -> A,
) -> Addr<A>
where
    A: Supervised + Actor<Context = Context<A>>,
{
    let life = Life::default();
    let mut ctx = Context::new();
    let actor = make(&mut ctx, life.clone());
    let address = ctx.address();
    let mut running: ContextFut<A, Context<A>> = ctx.into_future(actor);
    vitals.instance_added();
    vitals.went_up();

    actix::spawn(async move {
        let mut record = Record::new(intensity);
        loop {
            let end = AssertUnwindSafe(poll_fn(|cx| Pin::new(&mut running).poll(cx)))
                .catch_unwind()
                .await;
            vitals.went_down();
            let asked_for = life.0.take();
            let mut fall = match end {
                Err(_) => Fall::Panic,
                Ok(()) => asked_for.unwrap_or(Fall::Error),
            };
            loop {
                // At once, not after the wait: whatever the actor was at ends here, and who waits for
                // it hears so. What is dropped may panic once more.
                let restarted = catch_unwind(AssertUnwindSafe(|| running.restart()));
                if matches!(restarted, Ok(false)) {
                    // Nobody holds its address any more.
                    return vitals.instance_ended();
                }
                let wait = record.bear(fall, clock.now());
                if record.is_exceeded(fall) {
                    let falls = record.falls.len();
                    tracing::error!(actor = &*vitals.name, falls, "an actor falls too often");
                    exceeded();
                }
                if !wait.is_zero() {
                    clock.sleep(wait).await;
                }
                if restarted.is_ok() {
                    break;
                }
                fall = Fall::Panic;
            }
            let (actor, reason) = (&*vitals.name, fall.reason());
            vitals.fell(clock.now(), reason);
            vitals.went_up();
            tracing::warn!(actor, reason, "an actor was restarted");
        }
    });
    address
}

#[cfg(test)]
mod tests;
