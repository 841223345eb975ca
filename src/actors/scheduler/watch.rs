//! Which of the other instances have fallen silent.
//!
//! Silence is counted in looks, not in time: an instance is dead once [`SILENT`] looks in a row have
//! shown no new heartbeat. So nobody's clock matters, and a machine that was stopped with everybody on
//! it gives all of them the same time to show a sign of life before anybody is declared dead.
//!
//! That is also why a lease is long against what it has to bear: it is [`PARTS`] beats, of which
//! [`SILENT`] must be missed one after the other. Whoever dies is found within the lease all the same:
//! the first look may come a part later than the last beat, and [`SILENT`] parts later it is certain.

use std::collections::HashMap;

use crate::store::InstanceRow;

/// Into how many parts a lease is divided, with a heartbeat and a look at the others in each.
pub(super) const PARTS: u32 = 5;

/// After so many looks without a new heartbeat an instance is dead.
const SILENT: u32 = 3;

// The first look may come a whole part after the last beat.
const _: () = assert!(1 + SILENT < PARTS);

/// What has been seen of the others.
#[derive(Debug, Default)]
pub(super) struct Watch(HashMap<String, Seen>);

#[derive(Debug)]
struct Seen {
    beats: i64,
    /// How many looks ago these beats were first seen.
    looks: u32,
}

impl Watch {
    /// Takes in what a look has shown, and says who is dead; `own` is alive, whatever its row says.
    pub(super) fn look(&mut self, rows: Vec<InstanceRow>, own: &str) -> Vec<InstanceRow> {
        let mut before = std::mem::take(&mut self.0);
        let mut dead = Vec::new();
        for row in rows.into_iter().filter(|row| row.id != own) {
            let looks = match before.remove(&row.id) {
                Some(seen) if seen.beats == row.beats => seen.looks + 1,
                _ => 0,
            };
            let seen = Seen {
                beats: row.beats,
                looks,
            };
            self.0.insert(row.id.clone(), seen);
            if looks >= SILENT {
                dead.push(row);
            }
        }
        dead
    }

    /// Whoever could not look has not heard silence either: all counting begins anew.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, beats: i64) -> InstanceRow {
        InstanceRow {
            id: id.to_owned(),
            process: String::new(),
            beats,
        }
    }

    #[test]
    fn whoever_shows_no_new_beat_in_three_looks_after_the_first_is_dead() {
        let mut watch = Watch::default();
        for _ in 0..SILENT {
            assert_eq!(watch.look(vec![row("silent", 7)], "own"), []);
        }
        let dead = watch.look(vec![row("silent", 7), row("new", 0)], "own");
        assert_eq!(dead, [row("silent", 7)]);
    }

    #[test]
    fn a_single_beat_in_between_begins_the_count_anew() {
        let mut watch = Watch::default();
        for beats in [7, 7, 7, 8, 8, 8, 9] {
            assert_eq!(watch.look(vec![row("slow", beats)], "own"), []);
        }
    }

    #[test]
    fn nobody_is_dead_to_one_who_could_not_look_or_to_oneself() {
        let mut watch = Watch::default();
        for _ in 0..9 {
            watch.look(vec![row("other", 7)], "own");
            watch.forget();
            assert_eq!(watch.look(vec![row("own", 1)], "own"), []);
        }
    }
}
