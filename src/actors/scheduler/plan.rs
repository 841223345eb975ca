//! What the next turn is to do, decided before it begins.

use std::{collections::HashSet, mem::take, sync::Arc};

use super::{POLL, SchedulerActor, ends::Batch};
use crate::{
    clock::Clock,
    jobs::Catalogue,
    store::{Progress, Settled, Store, Wanted},
};

/// What a turn is to do, decided before it begins.
pub(super) struct Plan {
    pub owner: Arc<str>,
    /// Read anew for each step: a job that is claimed after a wait for the database began after it.
    pub clock: Clock,
    pub settle: Batch,
    pub progress: Vec<Progress>,
    /// Read the table anew: pauses, and what falls due.
    pub refresh: bool,
    /// Look for attempts here that somebody has asked to stop.
    pub heed: bool,
    /// Look whether entries of the crontab are due, to make jobs of these kinds.
    pub calendar: Option<Catalogue>,
    /// Look for jobs that were claimed for us without our knowledge.
    pub unsure: bool,
    /// Jobs fall due now.
    pub stage: bool,
    /// What to claim, unless its queue is paused.
    pub claim: Vec<Wanted<'static>>,
    pub paused: HashSet<String>,
}

impl Plan {
    /// Whether the database need not be asked.
    pub(super) fn asks_nothing(&self) -> bool {
        !self.asks_more() && self.claim.is_empty() && self.settle.is_empty()
    }

    /// Whether there is more to do than to write down what ended, and to claim.
    fn asks_more(&self) -> bool {
        let looks = self.refresh || self.heed || self.calendar.is_some() || self.unsure;
        looks || self.stage || !self.progress.is_empty()
    }

    /// What to claim, while these queues are paused.
    pub(super) fn open(&self, paused: &HashSet<String>) -> impl Iterator<Item = &Wanted<'static>> {
        let claim = self.claim.iter();
        claim.filter(move |wanted| !paused.contains(&*wanted.queue))
    }

    /// What ended, if it may be written down in one transaction with the claims.
    pub(super) fn ends_to_share(&self, store: &Store) -> Option<&[Settled]> {
        let ends = self.settle.of_new()?;
        let shares = !self.asks_more() && !self.claim.is_empty() && store.shares(ends);
        shares.then_some(ends)
    }
}

impl SchedulerActor {
    /// Decides what the next turn is to do.
    pub(super) fn plan(&mut self) -> Plan {
        let now = self.parts.clock.now();
        let fresh = take(&mut self.fresh);
        for instant in fresh.due {
            self.window.add(instant);
        }
        for queue in fresh.queues {
            if let Some(queue) = self.crew.serves(&queue) {
                self.backlog.insert(queue);
            } else {
                // Somebody may have made it a moment ago.
                self.stale = true;
            }
        }
        let stage = self.window.pass(now);
        let polls = self.unread() >= POLL;
        let refresh = take(&mut self.stale) || self.window.is_spent() || polls;
        let calendar = self.calendar.calls(now) && !self.stopping;
        if stage || refresh || calendar {
            self.backlog.extend(self.crew.queues().cloned());
        }
        self.backlog.extend(self.holds.passed(now));
        let settle = self.ends.take(now);
        for settled in settle.ends() {
            // What ends is written down before anything is claimed.
            self.backlog.extend(self.holds.ended(&settled.job.queue));
        }
        let free = |queue: &str| {
            if self.stopping {
                0
            } else {
                self.crew.free(queue)
            }
        };
        let claim = self
            .backlog
            .iter()
            .map(|queue| (queue, free(queue)))
            .filter(|(_, free)| *free > 0)
            .map(|(queue, free)| Wanted {
                queue: queue.clone(),
                kinds: self.parts.catalogue.names(queue),
                limit: free,
            })
            .collect();
        let progress = match take(&mut self.progress_is_due) {
            true => self.progress.drain().map(|(_, news)| news).collect(),
            false => Vec::new(),
        };
        Plan {
            owner: self.owner.clone(),
            clock: self.parts.clock.clone(),
            settle,
            progress,
            refresh,
            heed: (take(&mut self.heed) || polls) && !self.running.is_empty(),
            calendar: calendar.then(|| self.parts.catalogue.clone()),
            unsure: take(&mut self.unsure),
            stage,
            claim,
            paused: self.decided.paused.clone(),
        }
    }
}
