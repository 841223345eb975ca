//! The due instants that lie just ahead; the rest waits in the table.

use std::{cmp::Reverse, collections::BinaryHeap};

use jiff::Timestamp;

/// How many instants are held: 16 bytes each, and one question to the store for so many jobs.
pub(super) const SPAN: usize = 1000;

/// A bounded stretch of the time ahead, for which every due instant is known.
#[derive(Debug)]
pub(super) struct Window {
    instants: BinaryHeap<Reverse<Timestamp>>,
    /// Up to here nothing is missing; beyond it the table must be asked.
    horizon: Timestamp,
}

impl Window {
    /// Nothing is known: the table must be asked.
    pub(super) fn unknown() -> Self {
        Window {
            instants: BinaryHeap::new(),
            horizon: Timestamp::MIN,
        }
    }

    /// What the table answered when it was asked for the next [`SPAN`] instants.
    pub(super) fn filled(instants: Vec<Timestamp>) -> Self {
        let horizon = match instants.last() {
            Some(last) if instants.len() >= SPAN => *last,
            _ => Timestamp::MAX,
        };
        Window {
            instants: instants.into_iter().map(Reverse).collect(),
            horizon,
        }
    }

    /// A job falls due at `instant`; one beyond the horizon is left to the table.
    pub(super) fn add(&mut self, instant: Timestamp) {
        if instant <= self.horizon {
            self.instants.push(Reverse(instant));
        }
    }

    /// Drops the instants that have come, and says whether there were any.
    pub(super) fn pass(&mut self, now: Timestamp) -> bool {
        let before = self.instants.len();
        while self.next().is_some_and(|next| next <= now) {
            self.instants.pop();
        }
        self.instants.len() < before
    }

    /// The next due instant that is known of.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.instants.peek().map(|Reverse(instant)| *instant)
    }

    /// Whether the table must be asked before the next timer can be armed.
    pub(super) fn is_spent(&self) -> bool {
        self.instants.is_empty() && self.horizon < Timestamp::MAX
    }

    pub(super) fn len(&self) -> usize {
        self.instants.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number")
    }

    #[test]
    fn the_next_instant_is_the_earliest_whatever_came_first() {
        let mut window = Window::filled(vec![at(5), at(9)]);
        window.add(at(3));
        assert_eq!(window.next(), Some(at(3)));
        assert!(window.pass(at(5)));
        assert_eq!(window.next(), Some(at(9)));
        assert!(!window.pass(at(8)));
    }

    #[test]
    fn an_instant_beyond_the_horizon_is_left_to_the_table() {
        let full: Vec<_> = (0..SPAN as i64).map(at).collect();
        let mut window = Window::filled(full);
        window.add(at(SPAN as i64 + 1));
        assert_eq!(window.len(), SPAN);
        window.pass(at(SPAN as i64));
        assert!(window.is_spent());
    }

    #[test]
    fn an_empty_table_leaves_nothing_to_ask_for() {
        assert!(Window::unknown().is_spent());
        assert!(!Window::filled(Vec::new()).is_spent());
    }
}
