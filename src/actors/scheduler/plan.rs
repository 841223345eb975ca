//! What the next turn is to do, decided before it begins.

use std::{collections::HashSet, mem::take, sync::Arc};

use super::{POLL, SchedulerActor, ends::Batch};
use crate::{
    clock::Clock,
    jobs::Catalogue,
    store::{Progress, Settled, Store, Version, Wanted},
};

/// A state in which the database was seen; none where it was not, or where nothing tells it.
pub(super) type Since = Option<Version>;

/// What a turn is to do, decided before it begins.
pub(super) struct Plan {
    pub owner: Arc<str>,
    /// Read anew for each step: a job that is claimed after a wait for the database began after it.
    pub clock: Clock,
    pub settle: Batch,
    pub progress: Vec<Progress>,
    /// Read the table anew: pauses, what falls due, and what there is to claim.
    pub refresh: bool,
    /// The same, and look at the crontab and for attempts to stop, if somebody has written since this state.
    pub poll: Option<Since>,
    /// Attempts are under way here.
    pub busy: bool,
    /// Look for attempts here that somebody has asked to stop.
    pub heed: bool,
    /// Look whether entries of the crontab are due.
    pub calendar: bool,
    /// The kinds of which they make jobs; none once the program stops.
    pub catalogue: Option<Catalogue>,
    /// Look for jobs that were claimed for us without our knowledge.
    pub unsure: bool,
    /// Jobs fall due now.
    pub stage: bool,
    /// What to claim, unless its queue is paused.
    pub claim: Vec<Wanted<'static>>,
    /// What to claim from the other queues, should there turn out to be something.
    pub perhaps: Vec<Wanted<'static>>,
    pub paused: HashSet<String>,
}

impl Plan {
    /// Whether the database need not be asked.
    pub(super) fn asks_nothing(&self) -> bool {
        !self.asks_more() && self.claim.is_empty() && self.settle.is_empty()
    }

    /// Whether there is more to do than to write down what ended, and to claim.
    fn asks_more(&self) -> bool {
        let reads = self.refresh || self.poll.is_some() || self.stage;
        let looks = self.heed || self.calendar || self.unsure;
        reads || looks || !self.progress.is_empty()
    }

    /// What to claim while these queues are paused; of the others in those alone where there may be something.
    pub(super) fn open(
        &self,
        paused: &HashSet<String>,
        has_some: impl Fn(&str) -> bool,
    ) -> Vec<&Wanted<'static>> {
        let others = self.perhaps.iter();
        let others = others.filter(|wanted| has_some(&wanted.queue));
        let claim = self.claim.iter().chain(others);
        claim
            .filter(|wanted| !paused.contains(&*wanted.queue))
            .collect()
    }

    /// What ended, if it may be written down at one time with the claims.
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
        let refresh = take(&mut self.stale) || self.window.is_spent();
        let polls = self.unread() >= POLL || self.calendar.polls();
        let calendar = self.calendar.calls(now) && !self.stopping;
        // Another instance may have staged what falls due now, and be too busy to claim it.
        if stage && self.others {
            self.backlog.extend(self.crew.queues().cloned());
        }
        self.backlog.extend(self.holds.passed(now));
        let settle = self.ends.take(now);
        for settled in settle.ends() {
            // What ends is written down before anything is claimed within limits.
            self.backlog.extend(self.holds.ended(&settled.job.queue));
        }
        let claim = self.wanted(&self.backlog);
        let others = self.crew.queues();
        let others = others.filter(|queue| !self.backlog.contains(*queue));
        let perhaps = match stage || refresh || polls || calendar {
            true => self.wanted(others),
            false => Vec::new(),
        };
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
            poll: polls.then_some(self.polled),
            busy: !self.running.is_empty(),
            heed: take(&mut self.heed) && !self.running.is_empty(),
            calendar,
            catalogue: (!self.stopping).then(|| self.parts.catalogue.clone()),
            unsure: take(&mut self.unsure),
            stage,
            claim,
            perhaps,
            paused: self.decided.paused.clone(),
        }
    }

    /// As much from each of these queues as it has free actors, unless the program stops.
    fn wanted<'a>(&self, queues: impl IntoIterator<Item = &'a Arc<str>>) -> Vec<Wanted<'static>> {
        if self.stopping {
            return Vec::new();
        }
        let queues = queues.into_iter();
        let free = queues.map(|queue| (queue, self.crew.free(queue)));
        let free = free.filter(|(_, free)| *free > 0);
        free.map(|(queue, free)| Wanted {
            queue: queue.clone(),
            kinds: self.parts.catalogue.names(queue),
            limit: free,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{jobs, queue::JobId};

    fn nothing() -> Plan {
        Plan {
            owner: "here".into(),
            clock: Clock::system(),
            settle: Batch::default(),
            progress: Vec::new(),
            refresh: false,
            poll: None,
            busy: true,
            heed: false,
            calendar: false,
            catalogue: jobs::catalogue().build().ok(),
            unsure: false,
            stage: false,
            claim: Vec::new(),
            perhaps: Vec::new(),
            paused: HashSet::new(),
        }
    }

    fn wanted(queue: &str) -> Wanted<'static> {
        Wanted {
            queue: queue.into(),
            kinds: vec!["a"],
            limit: 1,
        }
    }

    fn progress() -> Progress {
        Progress {
            job: JobId(1),
            attempt: 1,
            percent: 50,
            message: None,
        }
    }

    #[test]
    fn a_plan_asks_something_for_each_thing_that_it_is_to_do() {
        assert!(nothing().asks_nothing());
        let plans: [fn(&mut Plan); 8] = [
            |plan| plan.progress.push(progress()),
            |plan| plan.refresh = true,
            |plan| plan.poll = Some(None),
            |plan| plan.heed = true,
            |plan| plan.calendar = true,
            |plan| plan.unsure = true,
            |plan| plan.stage = true,
            |plan| plan.claim.push(wanted("a")),
        ];
        for (index, change) in plans.into_iter().enumerate() {
            let mut plan = nothing();
            change(&mut plan);
            assert!(!plan.asks_nothing(), "the one with number {index}");
        }
        // Whether there is something to claim would have to be asked first.
        let plan = Plan {
            perhaps: vec![wanted("a")],
            ..nothing()
        };
        assert!(plan.asks_nothing());
    }

    #[test]
    fn of_queues_that_may_hold_something_those_are_claimed_from_that_do() {
        let plan = Plan {
            claim: vec![wanted("one"), wanted("paused")],
            perhaps: vec![wanted("two"), wanted("three"), wanted("stopped")],
            ..nothing()
        };
        let paused = ["paused".to_owned(), "stopped".to_owned()].into();
        let open = plan.open(&paused, |queue| queue != "three");
        let queues: Vec<_> = open.iter().map(|wanted| &*wanted.queue).collect();
        assert_eq!(queues, ["one", "two"]);
    }
}
