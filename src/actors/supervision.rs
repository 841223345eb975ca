//! Our supervisor: restarts an actor that stopped or panicked, at the same address.
//!
//! actix's own revives an actor that stops itself, but one that panics takes its supervisor and its
//! mailbox with it. So the future that runs an actor, which actix makes public, is polled here, where
//! a panic can be caught: the mailbox and the address live on, and `restarting` drops whatever the
//! fall may have left broken.

use std::{
    any::Any,
    cell::Cell,
    collections::VecDeque,
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Supervised, dev::ContextFut};
use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

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
        match falls {
            0 => Duration::ZERO,
            falls if falls > self.falls => self.longest_wait,
            falls => self
                .first_wait
                .saturating_mul(1 << (falls - 1).min(20))
                .min(self.longest_wait),
        }
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

    actix::spawn(async move {
        let mut falls = VecDeque::new();
        loop {
            vitals.went_up();
            let end = AssertUnwindSafe(poll_fn(|cx| Pin::new(&mut running).poll(cx)))
                .catch_unwind()
                .await;
            vitals.went_down();
            let fall = match end {
                Err(_) => Fall::Panic,
                Ok(()) => life.0.take().unwrap_or(Fall::Error),
            };
            vitals.fell(clock.now(), fall.reason());
            if fall.is_charged() {
                let now = Instant::now();
                falls.push_back(now);
                falls.retain(|at| now.duration_since(*at) <= intensity.within);
            }
            let too_many = fall.is_charged() && falls.len() > intensity.falls;
            if too_many {
                tracing::error!(
                    actor = vitals.name,
                    falls = falls.len(),
                    "an actor falls too often"
                );
                exceeded();
            }
            let wait = if fall.is_charged() {
                intensity.wait(falls.len())
            } else {
                Duration::ZERO
            };
            if !wait.is_zero() {
                sleep(wait).await;
            }
            // The state that a panic left behind may break what replaces it, too.
            match std::panic::catch_unwind(AssertUnwindSafe(|| running.restart())) {
                Ok(true) => {
                    tracing::warn!(
                        actor = vitals.name,
                        reason = fall.reason(),
                        "an actor was restarted"
                    );
                }
                // Nobody holds its address any more.
                Ok(false) => return,
                Err(_) => continue,
            }
        }
    });
    address
}

/// What a panic said, for the record of an attempt.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
