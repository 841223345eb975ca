//! Who was refused of late, and until when.
//!
//! The database counts. This keeps what it answered for as long as that is sure to hold, so that whoever
//! does not wait costs it nothing: on SQLite each question would keep all others who write waiting.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// How many are remembered: some MiB. Whoever is one too many is the database's to refuse again.
const MOST: usize = 10_000;

/// The instants before which no try can pass, by subject.
#[derive(Default)]
pub(in crate::actors) struct Refusals(Mutex<HashMap<String, Timestamp>>);

impl Refusals {
    /// How long `subject` has yet to wait, as far as is known here.
    pub(super) fn wait(&self, subject: &str, now: Timestamp) -> Option<Duration> {
        let until = *self.lock().get(subject)?;
        let left = Duration::try_from(until.duration_since(now)).ok()?;
        (!left.is_zero()).then_some(left)
    }

    /// The database has refused `subject` at `now`, for so long.
    pub(super) fn note(&self, subject: String, now: Timestamp, wait: Duration) {
        let Ok(until) = now.checked_add(wait) else {
            return;
        };
        let mut known = self.lock();
        if known.len() >= MOST {
            known.retain(|_, until| *until > now);
        }
        if known.len() < MOST || known.contains_key(&subject) {
            known.insert(subject, until);
        }
    }

    /// A try of `subject` was given back: the next may pass sooner than the database said.
    pub(super) fn forget(&self, subject: &str) {
        self.lock().remove(subject);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        // An entry is written whole or not at all.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_refusal_holds_until_its_instant_and_for_its_subject_alone() {
        let (refusals, noon) = (Refusals::default(), Timestamp::UNIX_EPOCH);
        refusals.note("maria".to_owned(), noon, 2 * SECOND);
        assert_eq!(refusals.wait("maria", noon), Some(2 * SECOND));
        assert_eq!(refusals.wait("maria", noon + SECOND), Some(SECOND));
        assert_eq!(refusals.wait("maria", noon + 2 * SECOND), None);
        assert_eq!(refusals.wait("joana", noon), None);
    }

    #[test]
    fn no_crowd_fills_the_memory_and_those_who_may_try_again_make_room() {
        let (refusals, noon) = (Refusals::default(), Timestamp::UNIX_EPOCH);
        for n in 0..=MOST {
            refusals.note(n.to_string(), noon, SECOND);
        }
        assert_eq!(refusals.lock().len(), MOST);
        assert_eq!(refusals.wait("0", noon), Some(SECOND));
        assert_eq!(refusals.wait(&MOST.to_string(), noon), None);
        refusals.note("later".to_owned(), noon + SECOND, SECOND);
        assert_eq!(refusals.wait("later", noon + SECOND), Some(SECOND));
        assert_eq!(refusals.lock().len(), 1);
    }
}
