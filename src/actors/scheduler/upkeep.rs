//! Keeps this instance alive in the eyes of the others, and takes up what the dead have left.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use data_encoding::HEXLOWER;

use super::{AGAIN, SchedulerActor, plan::Since, whereabouts};
use crate::{
    clock::Clock,
    fail_points,
    queue::{Outcome, PARTS, Watch},
    store::{InstanceRow, JobRow, Store, StoreError},
};

/// A name for one life of this instance: what it claims is claimed in this name.
pub(super) fn new_name() -> Arc<str> {
    HEXLOWER.encode(&rand::random::<[u8; 8]>()).into()
}

/// What a look has shown.
struct Look {
    /// The state of the database before it.
    version: Since,
    /// We have not been struck out.
    alive: bool,
    others: Vec<InstanceRow>,
    orphans: Vec<JobRow>,
}

impl SchedulerActor {
    /// Begins a life: enters this instance under a new name, and takes up what former ones left.
    ///
    /// The jobs of an earlier life of this instance are orphans like those of any dead one.
    pub(super) fn enter(&mut self, ctx: &mut Context<Self>) {
        // Nothing may be claimed in a name that is not entered.
        self.entering = true;
        self.abandon();
        self.watch = Watch::default();
        self.looked_at = None;
        let former = std::mem::replace(&mut self.owner, new_name());
        let (store, owner, now) = (
            self.parts.store.clone(),
            self.owner.clone(),
            self.parts.clock.now(),
        );
        let entered = async move {
            store.leave(&former).await?;
            fail_points::pass!("enter.before");
            store.enter(&owner, &whereabouts::here(), now).await?;
            fail_points::pass!("enter.after");
            for other in store.instances().await? {
                if whereabouts::is_gone(&other.process) {
                    store.strike_out(&other).await?;
                }
            }
            fail_points::pass!("strike_out.after");
            Ok((store.queues().await?, store.orphans().await?))
        };
        let entered = entered.into_actor(self);
        ctx.spawn(entered.map(|entered, actor, ctx| match entered {
            Ok((queues, orphans)) => {
                fail_points::pass!("scheduler.entered");
                actor.entering = false;
                // Before the first claim: it may not be for more actors than a queue is to have.
                actor.decide(&queues);
                actor.stale = true;
                actor.rescue(orphans);
                actor.turn(ctx);
                actor.others = true;
                actor.announce(ctx);
            }
            Err(error) => {
                complain(&error, "the scheduler could not begin; it tries again");
                ctx.run_later(AGAIN, |actor, ctx| actor.enter(ctx));
            }
        }));
    }

    /// Gives a sign of life and looks at the others, several times in the length of a lease.
    pub(super) fn keep_up(&mut self, ctx: &mut Context<Self>) {
        ctx.run_later(self.parts.lease / PARTS, |actor, ctx| {
            if actor.entering {
                // Whoever is still about to enter would find itself struck out.
                return actor.keep_up(ctx);
            }
            actor.heard = false;
            let (store, owner) = (actor.parts.store.clone(), actor.owner.clone());
            let (clock, seen) = (actor.parts.clock.clone(), actor.looked_at);
            fail_points::pass!("heartbeat.before", "{}", actor.running.len());
            let looked = async move {
                let looked = look(&store, &owner, &clock, seen).await;
                (owner, looked)
            };
            let looked = looked.into_actor(actor);
            ctx.spawn(looked.map(|(owner, looked), actor, ctx| {
                fail_points::pass!("heartbeat.after", "{}", actor.running.len());
                actor.looked(&owner, looked, ctx);
                actor.keep_up(ctx);
            }));
        });
    }

    fn looked(
        &mut self,
        owner: &str,
        looked: Result<Option<Look>, StoreError>,
        ctx: &mut Context<Self>,
    ) {
        if self.stopping || *owner != *self.owner {
            return;
        }
        match looked {
            Ok(None) => {}
            Ok(Some(look)) if !look.alive => {
                tracing::warn!(
                    "this instance was silent for too long; its jobs are in other hands"
                );
                self.enter(ctx);
            }
            Ok(Some(look)) => {
                self.looked_at = look.version;
                // One that entered after the look says so.
                let others = look.others.iter().any(|other| *other.id != *self.owner);
                self.others = others || self.heard;
                let rows = look.others.iter();
                let entered = rows.map(|row| (row.id.as_str().into(), row.beats));
                let dead = self.watch.look(entered, &self.owner);
                self.rescue(look.orphans);
                // A claim whose answer was lost may be committed long after the turn that made it.
                self.unsure = true;
                self.turn(ctx);
                let silent = look.others.into_iter();
                let silent = silent.filter(|row| dead.contains(&*row.id)).collect();
                self.bury(silent, ctx);
            }
            Err(error) => {
                self.looked_at = None;
                self.watch.forget();
                self.parts.metrics.lease_renewal_failures.inc();
                complain(&error, "the lease could not be renewed; it is tried again");
            }
        }
    }

    /// Strikes out instances that have fallen silent, and takes up their jobs.
    fn bury(&mut self, silent: Vec<InstanceRow>, ctx: &mut Context<Self>) {
        if silent.is_empty() {
            return;
        }
        let store = self.parts.store.clone();
        let buried = async move {
            for instance in &silent {
                if store.strike_out(instance).await? {
                    tracing::warn!(
                        instance = instance.id,
                        "an instance is silent; its jobs are due again"
                    );
                }
            }
            store.orphans().await
        };
        let buried = buried.into_actor(self);
        ctx.spawn(buried.map(|orphans, actor, ctx| match orphans {
            Ok(orphans) => {
                actor.rescue(orphans);
                actor.turn(ctx);
            }
            // Whoever is still entered is found silent again at the next look.
            Err(error) => complain(&error, "a silent instance could not be struck out"),
        }));
    }

    /// Stops every attempt that is under way here: it is not, or soon not, ours any more.
    fn abandon(&mut self) {
        self.progress.clear();
        for (_, running) in self.running.drain() {
            running.stop.at_once();
        }
    }

    /// Makes jobs due again whose attempt nobody makes any more.
    pub(super) fn rescue(&mut self, left: Vec<JobRow>) {
        for job in left {
            if self.in_the_air(&job) {
                continue;
            }
            let ours = job.owner.as_deref() == Some(&*self.owner);
            let outcome = match ours {
                // Its end could not be written down.
                true if self.unwritten.contains(&(job.id, job.attempt)) => Outcome::HandedBack,
                // What this instance claimed and never handed out.
                true => Outcome::NotBegun,
                false => Outcome::Rescued,
            };
            let settled = self.verdict(&Arc::new(job), outcome);
            self.ends.push(settled);
        }
    }

    /// Whether the end of this attempt is still to come, or on its way to the table.
    fn in_the_air(&self, job: &JobRow) -> bool {
        self.running.contains_key(&job.id) || self.ends.hold(job.id)
    }
}

/// Gives a sign of life and looks at the others. `None` says that the database is as it was seen before: then there is
/// nobody to give it to.
async fn look(
    store: &Store,
    owner: &str,
    clock: &Clock,
    seen: Since,
) -> Result<Option<Look>, StoreError> {
    let version = store.version().await?;
    if version.is_some() && version == seen {
        return Ok(None);
    }
    let alive = store.beat(owner).await?;
    if let Some(theirs) = store.time().await? {
        clock.follow(theirs);
    }
    let mut others = store.instances().await?;
    let gone = |other: &InstanceRow| whereabouts::is_gone(&other.process);
    for dead in others.extract_if(.., |other| gone(other)) {
        store.strike_out(&dead).await?;
    }
    Ok(Some(Look {
        version,
        alive,
        others,
        orphans: store.orphans().await?,
    }))
}

/// Logs a question that had no answer. Of a database that is away the store tells by itself.
pub(super) fn complain(error: &StoreError, what: &'static str) {
    if !matches!(error, StoreError::Away(_) | StoreError::Unusable(_)) {
        tracing::warn!(%error, "{what}");
    }
}
