//! What the Scheduler tells others: the metrics, the pages that watch, and the other instances.

use std::{
    collections::HashMap,
    mem::{replace, take},
    sync::Arc,
    time::Duration,
};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Changes, SchedulerActor, handle, messages::Heard};
use crate::{
    actors::probe::Mailbox,
    store::{MovedJob, Store},
};

/// How long other instances are left in peace after they were told something.
const ANNOUNCE: Duration = Duration::from_millis(5);

/// Takes in what other instances announce.
pub(super) async fn hear(store: Store, own: Arc<str>, mailbox: Mailbox<SchedulerActor>) {
    let heard = |voice: &str| {
        if *voice != *own {
            mailbox.tell(Heard);
        }
    };
    match store.listen(heard).await {}
}

/// Passes on what becomes of jobs because of others that they waited for.
pub(super) async fn pass_on(
    mut followers: broadcast::Receiver<MovedJob>,
    changes: broadcast::Sender<Changes>,
) {
    loop {
        match followers.recv().await {
            Ok(follower) => handle::tell(&changes, [follower.into()]),
            // Whoever watches one of so many reads it again with the next news.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

impl SchedulerActor {
    /// Tells the metrics how things stand.
    pub(super) fn show(&self) {
        let now = self.parts.clock.now();
        let ahead = self
            .window
            .next()
            .map(|next| next.duration_since(now).as_secs_f64());
        self.parts
            .metrics
            .next_due
            .set(ahead.unwrap_or(0.0).max(0.0));
        self.parts.metrics.timers.set(self.window.len() as i64);
        let mut executing = HashMap::<&str, usize>::new();
        for running in self.running.values() {
            *executing.entry(&running.job.queue).or_default() += 1;
        }
        for queue in self.crew.queues() {
            let attempts = executing.get(&**queue).copied().unwrap_or_default();
            self.parts.metrics.set_executing(queue, attempts);
            let paused = self.decided.paused.contains(&**queue);
            self.parts.metrics.set_paused(queue, paused);
        }
    }

    /// Tells the other instances, if there may be some, that the table has changed; what changes soon after is told
    /// together.
    pub(super) fn announce(&mut self, ctx: &mut Context<Self>) {
        if !self.others {
            return;
        }
        if replace(&mut self.announcing, true) {
            self.more_news = true;
            return;
        }
        let (store, voice) = (self.parts.store.clone(), self.voice.clone());
        let told = async move { store.announce(&voice).await };
        // Untold news costs the others a poll.
        ctx.spawn(told.into_actor(self).map(|_, _, _| ()));
        ctx.run_later(ANNOUNCE, |actor, ctx| {
            actor.announcing = false;
            if take(&mut actor.more_news) {
                actor.announce(ctx);
            }
        });
    }
}
