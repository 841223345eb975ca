//! The due instants that lie just ahead; the rest waits in the table.

use std::{cmp::Reverse, collections::BinaryHeap};

use jiff::Timestamp;

/// How many instants are asked for, of 16 bytes each: one question to the store for so many jobs. At most twice as
/// many are held.
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
        if instant > self.horizon {
            return;
        }
        self.instants.push(Reverse(instant));
        if self.len() == 2 * SPAN {
            let all = std::mem::take(&mut self.instants);
            let mut first: Vec<_> = all.into_iter().map(|Reverse(instant)| instant).collect();
            first.sort_unstable();
            first.truncate(SPAN);
            *self = Window::filled(first);
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
    fn no_more_are_held_however_many_are_added() {
        let mut window = Window::filled(Vec::new());
        for second in (0..10 * SPAN as i64).rev() {
            window.add(at(second));
            assert!(window.len() < 2 * SPAN);
        }
        assert_eq!(window.next(), Some(at(0)));
        window.pass(at(SPAN as i64 - 2));
        assert_eq!(window.next(), Some(at(SPAN as i64 - 1)));
        window.pass(at(2 * SPAN as i64));
        assert!(window.is_spent(), "the others are left to the table");
    }

    #[test]
    fn an_empty_table_leaves_nothing_to_ask_for() {
        assert!(Window::unknown().is_spent());
        assert!(!Window::filled(Vec::new()).is_spent());
    }
}
