//! The one timer: when the next turn is taken though nobody asks for it.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{POLL, SchedulerActor};

impl SchedulerActor {
    /// Arms the one timer for the next due instant, or for the next poll if that comes first.
    pub(super) fn arm(&mut self, ctx: &mut Context<Self>) {
        let now = self.parts.clock.now();
        let due = [
            self.window.next(),
            // Nothing fires any more once the program stops.
            self.calendar.next().filter(|_| !self.stopping),
            self.holds.next(),
            self.ends.next(),
        ];
        let due = due.into_iter().flatten().min();
        let due = due.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
        let poll = POLL.saturating_sub(self.unread());
        self.arm_in(due.unwrap_or(poll).min(poll), ctx);
    }

    pub(super) fn arm_in(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        self.timer = Some(ctx.run_later(wait, |actor, ctx| {
            actor.timer = None;
            actor.resting = false;
            actor.turn(ctx);
        }));
    }

    /// How long it is since the table was read, or known to be unchanged. Turns that only write do not count.
    pub(super) fn unread(&self) -> Duration {
        self.refreshed.map_or(POLL, |at| at.elapsed())
    }

    /// A clock that tests move by hand moves all timers with it.
    pub(super) fn watch_the_clock(&mut self, ctx: &mut Context<Self>) {
        ctx.spawn(
            self.parts
                .clock
                .moved()
                .into_actor(self)
                .map(|(), actor, ctx| {
                    actor.watch_the_clock(ctx);
                    actor.turn(ctx);
                }),
        );
    }
}
