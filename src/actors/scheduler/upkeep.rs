//! Keeps our lease, and rescues the jobs of instances that went silent.

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{AGAIN, SchedulerActor};
use crate::{
    queue::Outcome,
    store::{JobRow, StoreError},
};

impl SchedulerActor {
    /// Enters this instance, and takes up what a former life left in the middle.
    pub(super) fn recover(&mut self, ctx: &mut Context<Self>) {
        // No turn beside this one: what it claimed would look like something left behind.
        self.turning = true;
        let (store, owner) = (self.parts.store.clone(), self.owner.clone());
        let now = self.parts.clock.now();
        let until = now + self.parts.lease;
        let entered = async move {
            store.enter(&owner, now, until).await?;
            let mut left = store.orphans(now, &owner).await?;
            left.extend(store.executing(&owner).await?);
            Ok::<Vec<JobRow>, StoreError>(left)
        };
        ctx.spawn(entered.into_actor(self).map(|left, actor, ctx| match left {
            Ok(left) => {
                actor.turning = false;
                actor.rescue(left);
                actor.turn(ctx);
            }
            Err(error) => {
                tracing::warn!(%error, "the scheduler could not begin; it tries again");
                ctx.run_later(AGAIN, |actor, ctx| actor.recover(ctx));
            }
        }));
    }

    /// Renews the lease three times in its length, and looks for orphans as often.
    pub(super) fn keep_up(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(self.parts.lease / 3, |actor, ctx| {
            let (store, owner) = (actor.parts.store.clone(), actor.owner.clone());
            let now = actor.parts.clock.now();
            let until = now + actor.parts.lease;
            let kept = async move {
                if !store.renew_lease(&owner, until).await? {
                    store.enter(&owner, now, until).await?;
                }
                store.orphans(now, &owner).await
            };
            ctx.spawn(kept.into_actor(actor).map(|orphans, actor, ctx| match orphans {
                Ok(orphans) if orphans.is_empty() => {}
                Ok(orphans) => {
                    actor.rescue(orphans);
                    actor.turn(ctx);
                }
                Err(error) => {
                    actor.parts.metrics.lease_renewal_failures.inc();
                    tracing::warn!(%error, "the lease could not be renewed; it is tried again");
                }
            }));
        });
    }

    /// Makes jobs due again whose attempt nobody makes any more.
    pub(super) fn rescue(&mut self, left: Vec<JobRow>) {
        for job in left {
            if self.in_the_air(&job) {
                continue;
            }
            // What this instance claimed and never handed out has not begun.
            let ours = job.owner.as_deref() == Some(&*self.owner);
            let outcome = if ours {
                Outcome::HandedBack
            } else {
                Outcome::Rescued
            };
            let settled = self.verdict(&job, outcome);
            self.ended.push(settled);
        }
    }

    /// Whether the end of this attempt is still to come, or on its way to the table.
    fn in_the_air(&self, job: &JobRow) -> bool {
        self.running.contains_key(&job.id)
            || self
                .ended
                .iter()
                .chain(&self.settling)
                .any(|settled| settled.job.id == job.id)
    }
}
