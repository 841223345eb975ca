//! Which of the other instances have fallen silent.
//!
//! Silence is counted in looks, not in time: an instance is dead once [`SILENT`] looks in a row have
//! shown no new heartbeat. So nobody's clock matters, and a machine that was stopped with everybody on
//! it gives all of them the same time to show a sign of life before anybody is declared dead.
//!
//! That is also why a lease is long against what it has to bear: it is [`PARTS`] beats, of which
//! [`SILENT`] must be missed one after the other. Whoever dies is found within the lease all the same:
//! the first look may come a part later than the last beat, and [`SILENT`] parts later it is certain.

use std::collections::{BTreeMap, BTreeSet};

/// Into how many parts a lease is divided, with a heartbeat and a look at the others in each.
pub const PARTS: u32 = 5;

/// After so many looks without a new heartbeat an instance is dead.
pub const SILENT: u32 = 3;

// The first look may come a whole part after the last beat.
const _: () = assert!(1 + SILENT < PARTS);

/// What one instance has seen of the others, by their names.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Watch<Name>(BTreeMap<Name, Seen>);

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Seen {
    beats: i64,
    /// How many looks ago these beats were first seen; more than [`SILENT`] are not counted.
    looks: u32,
}

impl<Name: Clone + Ord> Watch<Name> {
    /// Takes in what a look has shown, who is entered and with how many beats, and says who is dead;
    /// `own` is alive, whatever its row says.
    pub fn look(
        &mut self,
        entered: impl IntoIterator<Item = (Name, i64)>,
        own: &Name,
    ) -> BTreeSet<Name> {
        let mut before = std::mem::take(&mut self.0);
        let mut dead = BTreeSet::new();
        for (name, beats) in entered.into_iter().filter(|(name, _)| name != own) {
            let looks = match before.remove(&name) {
                Some(seen) if seen.beats == beats => SILENT.min(seen.looks + 1),
                _ => 0,
            };
            if looks >= SILENT {
                dead.insert(name.clone());
            }
            self.0.insert(name, Seen { beats, looks });
        }
        dead
    }

    /// Whoever could not look has not heard silence either: all counting begins anew.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> BTreeSet<&'static str> {
        BTreeSet::new()
    }

    #[test]
    fn whoever_shows_no_new_beat_in_three_looks_after_the_first_is_dead() {
        let mut watch = Watch::default();
        for _ in 0..SILENT {
            assert_eq!(watch.look([("silent", 7)], &"own"), nobody());
        }
        for _ in 0..2 {
            let dead = watch.look([("silent", 7), ("new", 0)], &"own");
            assert_eq!(dead, BTreeSet::from(["silent"]));
        }
    }

    #[test]
    fn a_single_beat_in_between_begins_the_count_anew() {
        let mut watch = Watch::default();
        for beats in [7, 7, 7, 8, 8, 8, 9] {
            assert_eq!(watch.look([("slow", beats)], &"own"), nobody());
        }
    }

    #[test]
    fn nobody_is_dead_to_one_who_could_not_look_or_to_oneself() {
        let mut watch = Watch::default();
        for _ in 0..9 {
            watch.look([("other", 7)], &"own");
            watch.forget();
            assert_eq!(watch.look([("own", 1)], &"own"), nobody());
        }
    }
}
