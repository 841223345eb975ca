//! What the Scheduler knows of the queues: which there are, and what operators have decided of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::SchedulerActor;
use crate::{
    queue::{Held, Left, queue_name},
    store::QueueRow,
};

/// What was decided, as of the last look at the table.
#[derive(Default)]
pub(super) struct Decided {
    pub paused: HashSet<String>,
    /// Where the end of a job lets another start.
    counted: BTreeSet<String>,
}

impl Decided {
    pub(super) fn of(rows: &[QueueRow]) -> Self {
        let names = |of: fn(&QueueRow) -> bool| {
            let rows = rows.iter().filter(move |row| of(row));
            rows.map(|row| row.name.clone())
        };
        Decided {
            paused: names(|row| row.paused_at.is_some()).collect(),
            counted: names(|row| row.limits.count()).collect(),
        }
    }

    /// Whether the end of a job of this queue may let another start, on whatever instance.
    pub(super) fn counts(&self, queue: &str) -> bool {
        self.counted.contains(queue)
    }
}

/// The queues whose limits, and not a lack of jobs, cut the last claim.
#[derive(Default)]
pub(super) struct Holds(BTreeMap<Arc<str>, Held>);

impl Holds {
    pub(super) fn note(&mut self, queue: Arc<str>, held: Held) {
        self.0.insert(queue, held);
    }

    /// A job of this queue has ended: whether that may let another start.
    pub(super) fn ended(&mut self, queue: &str) -> Option<Arc<str>> {
        match self.0.get(queue) {
            Some(Held::UntilOneEnds) => self.0.remove_entry(queue).map(|(queue, _)| queue),
            _ => None,
        }
    }

    /// The queues whose time has come.
    pub(super) fn passed(&mut self, now: Timestamp) -> impl Iterator<Item = Arc<str>> + '_ {
        let passed = move |held: &Held| matches!(held, Held::Until(at) if *at <= now);
        let passed = self.0.extract_if(.., move |_, held| passed(held));
        passed.map(|(queue, _)| queue)
    }

    /// When the next one's time comes.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let instants = self.0.values().filter_map(|held| match held {
            Held::Until(at) => Some(*at),
            Held::UntilOneEnds => None,
        });
        instants.min()
    }
}

impl SchedulerActor {
    /// Takes in what a claim has left behind in a queue.
    pub(super) fn left_behind(&mut self, queue: Arc<str>, left: Left) {
        match left {
            Left::Perhaps => {
                self.again |= self.crew.free(&queue) > 0;
                self.backlog.insert(queue);
            }
            Left::Nothing => {
                self.backlog.remove(&queue);
            }
            Left::Held(held) => {
                self.backlog.remove(&queue);
                self.holds.note(queue, held);
            }
        }
    }

    /// Takes in what operators have decided, and sees to it that every queue has its workers.
    pub(super) fn decide(&mut self, rows: &[QueueRow]) {
        self.decided = Decided::of(rows);
        let named = self.parts.catalogue.queues();
        let named = named.map(|queue| -> &str { queue });
        // A name that no door lets through would be a label that nobody expects.
        let known = rows.iter().filter(|row| queue_name(&row.name).is_ok());
        let mut sizes: BTreeMap<Arc<str>, usize> = named
            .chain(known.clone().map(|row| row.name.as_str()))
            .map(|queue| (queue.into(), self.crew.usual(queue)))
            .collect();
        for row in known {
            if let (Some(size), Some(workers)) = (sizes.get_mut(row.name.as_str()), row.workers) {
                *size = workers;
            }
        }
        if !self.crew.staff(sizes) {
            // It is tried again when the table is next read: with the next poll, whatever that finds.
            self.polled = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number")
    }

    #[test]
    fn a_queue_is_held_until_one_ends_or_its_time_has_come() {
        let mut holds = Holds::default();
        holds.note("counted".into(), Held::UntilOneEnds);
        holds.note("rated".into(), Held::Until(at(5)));
        holds.note("slow".into(), Held::Until(at(9)));
        assert_eq!(holds.next(), Some(at(5)));

        assert_eq!(holds.ended("other"), None);
        assert_eq!(holds.ended("rated"), None);
        assert_eq!(holds.ended("counted").as_deref(), Some("counted"));
        assert_eq!(holds.ended("counted"), None);

        assert_eq!(holds.passed(at(4)).count(), 0);
        assert_eq!(holds.passed(at(5)).collect::<Vec<_>>(), ["rated".into()]);
        assert_eq!(holds.next(), Some(at(9)));
    }
}
