//! Says of each cause once a second that it is there, however often it is met.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a cause is not told again.
const PAUSE: Duration = Duration::from_secs(1);

/// A cause that was not met for so long is forgotten: what is new is told at once.
const MEMORY: Duration = Duration::from_secs(60);

/// What was told lately, and how often it was left out since.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<BTreeMap<String, Told>>);

#[derive(Debug)]
struct Told {
    at: Instant,
    left_out: u64,
}

impl Seldom {
    /// Whether `cause` is to be told now: then, how often it was left out since it was last told.
    pub fn tells(&self, cause: &str) -> Option<u64> {
        self.tells_at(cause, Instant::now())
    }

    fn tells_at(&self, cause: &str, now: Instant) -> Option<u64> {
        let mut causes = self.causes();
        let age = |told: &Told| now.saturating_duration_since(told.at);
        match causes.get_mut(cause) {
            Some(told) if age(told) < PAUSE => {
                told.left_out += 1;
                None
            }
            Some(told) => {
                told.at = now;
                Some(std::mem::take(&mut told.left_out))
            }
            None => {
                causes.retain(|_, told| age(told) < MEMORY);
                let told = Told {
                    at: now,
                    left_out: 0,
                };
                causes.insert(cause.to_owned(), told);
                Some(0)
            }
        }
    }

    /// How much was left out of late that nobody has been told of.
    pub fn left_out(&self) -> u64 {
        let mut causes = self.causes();
        let counts = causes.values_mut();
        counts.map(|told| std::mem::take(&mut told.left_out)).sum()
    }

    fn causes(&self) -> MutexGuard<'_, BTreeMap<String, Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_at_once_and_then_once_a_second_with_what_was_left_out() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        let tells = |cause, after| seldom.tells_at(cause, begun + Duration::from_millis(after));
        assert_eq!(tells("refused", 0), Some(0));
        assert_eq!(tells("refused", 1), None);
        assert_eq!(
            tells("silent", 2),
            Some(0),
            "another cause has its own pause"
        );
        assert_eq!(tells("refused", 999), None);
        assert_eq!(tells("refused", 1000), Some(2));
        assert_eq!(tells("refused", 1999), None);
        assert_eq!(tells("silent", 2000), Some(0));
        assert_eq!(seldom.left_out(), 1);
        assert_eq!(seldom.left_out(), 0);
    }

    #[test]
    fn causes_that_never_come_again_are_forgotten() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        for number in 0..1000 {
            let told = seldom.tells_at(&number.to_string(), begun + PAUSE * number);
            assert_eq!(told, Some(0));
        }
        assert!(seldom.causes().len() <= 60);
    }
}
