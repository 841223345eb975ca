//! Which of the jobs that wait may start, where each limit key has room for so many.

use std::collections::HashMap;

use super::{Held, Limits};

/// How many jobs are looked at in one go where keys are counted.
const AHEAD: usize = 500;

/// How many goes there are. What is left then, another claim finds: none is to keep the others waiting.
const GOES: usize = 8;

/// What a claim leaves behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Left {
    /// Nothing that could start.
    Nothing,
    /// Perhaps more: another claim would tell.
    Perhaps,
    /// Perhaps more, for which the queue's limits have no room until then.
    Held(Held),
}

/// A look at the jobs that wait, in their order. A key without room is passed over from the next go on, so
/// that a flood of its jobs does not keep back the others.
#[derive(Debug)]
pub struct Look {
    per_key: Option<u32>,
    executing: HashMap<String, u32>,
    most: usize,
    picked: Vec<i64>,
    goes: usize,
    /// No job is left but those of keys without room.
    over: bool,
}

impl Look {
    /// For `most` jobs, while so many of each key execute.
    pub fn new(
        limits: &Limits,
        most: usize,
        executing: impl IntoIterator<Item = (Option<String>, i64)>,
    ) -> Self {
        let by_key = executing.into_iter().filter_map(|(key, jobs)| {
            let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
            Some((key?, jobs))
        });
        Look {
            per_key: limits.at_once_per_key,
            executing: by_key.collect(),
            most,
            picked: Vec::new(),
            goes: 0,
            over: false,
        }
    }

    /// How many jobs to look at next: the first of those that are not picked and whose key is not full. None
    /// once there are enough.
    pub fn next(&self) -> Option<usize> {
        let wanted = self.most - self.picked.len();
        let goes_on = !self.over && wanted > 0 && self.goes < GOES;
        goes_on.then(|| match self.per_key {
            Some(_) => wanted.max(AHEAD),
            None => wanted,
        })
    }

    /// The numbers of the jobs that may start.
    pub fn picked(&self) -> &[i64] {
        &self.picked
    }

    /// The keys without room.
    pub fn full(&self) -> Vec<&str> {
        let executing = self.executing.iter();
        let full = executing.filter(|(_, executing)| self.has_no_room(**executing));
        full.map(|(key, _)| key.as_str()).collect()
    }

    /// Picks from what [`Look::next`] asked for: the jobs' numbers and keys, in their order.
    pub fn take(&mut self, ahead: Vec<(i64, Option<String>)>) {
        self.over = self.next().is_some_and(|asked| ahead.len() < asked);
        self.goes += 1;
        for (job, key) in ahead {
            if self.picked.len() == self.most {
                break;
            }
            if let Some(key) = key {
                let executing = self.executing.get(&key).copied().unwrap_or_default();
                if self.has_no_room(executing) {
                    continue;
                }
                self.executing.insert(key, executing + 1);
            }
            self.picked.push(job);
        }
    }

    /// What is left, where `cut` is what kept the look from being for more jobs.
    pub fn left(&self, cut: Option<Held>) -> Left {
        let enough = self.picked.len() == self.most;
        match cut {
            Some(cut) if enough => Left::Held(cut),
            _ if enough || !self.over => Left::Perhaps,
            _ if self.full().is_empty() => Left::Nothing,
            _ => Left::Held(Held::UntilOneEnds),
        }
    }

    fn has_no_room(&self, executing: u32) -> bool {
        self.per_key.is_some_and(|most| executing >= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_key: Option<u32>) -> Limits {
        Limits {
            at_once_per_key: per_key,
            ..Limits::default()
        }
    }

    /// A table that answers as the database does; the number of questions comes back.
    fn look(look: &mut Look, waiting: &[(i64, Option<&str>)]) -> usize {
        let mut asked = 0;
        while let Some(ahead) = look.next() {
            asked += 1;
            let found = waiting.iter().filter(|(job, key)| {
                let full = key.is_some_and(|key| look.full().contains(&key));
                !full && !look.picked().contains(job)
            });
            let found = found.map(|(job, key)| (*job, key.map(str::to_owned)));
            let found = found.take(ahead).collect();
            look.take(found);
        }
        asked
    }

    fn executing(of: &[(&str, i64)]) -> Vec<(Option<String>, i64)> {
        let some = of
            .iter()
            .map(|(key, jobs)| (Some((*key).to_owned()), *jobs));
        some.chain([(None, 9)]).collect()
    }

    #[test]
    fn a_flood_of_one_key_does_not_keep_back_the_others() {
        let flood = (0..10_000).map(|job| (job, Some("a")));
        let others = [(10_000, Some("b")), (10_001, None), (10_002, Some("b"))];
        let waiting: Vec<_> = flood.chain(others).collect();
        let mut three = Look::new(&limits(Some(2)), 3, executing(&[("a", 1)]));
        assert_eq!(look(&mut three, &waiting), 2);
        assert_eq!(three.picked(), [0, 10_000, 10_001]);
        assert_eq!(three.left(None), Left::Perhaps);

        let mut all = Look::new(&limits(Some(1)), 9, executing(&[("a", 1)]));
        look(&mut all, &waiting);
        assert_eq!(all.picked(), [10_000, 10_001]);
        assert_eq!(all.left(None), Left::Held(Held::UntilOneEnds));
    }

    #[test]
    fn no_key_gets_more_than_its_room_and_none_is_passed_over_that_has_some() {
        for per_key in 1..4 {
            for most in 0..12 {
                for busy in 0..4 {
                    let keys = [Some("a"), Some("a"), Some("b"), None, Some("a"), Some("c")];
                    let waiting: Vec<_> =
                        (0..18).map(|job| (job, keys[job as usize % 6])).collect();
                    let mut some =
                        Look::new(&limits(Some(per_key)), most, executing(&[("a", busy)]));
                    look(&mut some, &waiting);
                    let picked = |key| {
                        let of = waiting
                            .iter()
                            .filter(|(job, _)| some.picked().contains(job));
                        of.filter(|(_, of)| *of == key).count() as i64
                    };
                    let per_key = i64::from(per_key);
                    assert!(busy + picked(Some("a")) <= per_key.max(busy));
                    assert!(picked(Some("b")) <= per_key && picked(Some("c")) <= per_key);
                    let a = 9.min((per_key - busy).max(0));
                    let could = a + 2 * 3.min(per_key) + 3;
                    assert_eq!(some.picked().len() as i64, could.min(most as i64));
                }
            }
        }
    }

    #[test]
    fn without_a_limit_by_key_one_question_is_enough() {
        let waiting: Vec<_> = (0..9).map(|job| (job, Some("a"))).collect();
        let mut some = Look::new(&limits(None), 4, executing(&[("a", 99)]));
        assert_eq!(look(&mut some, &waiting), 1);
        assert_eq!(some.picked(), [0, 1, 2, 3]);
        assert_eq!(
            some.left(Some(Held::UntilOneEnds)),
            Left::Held(Held::UntilOneEnds)
        );

        let mut more = Look::new(&limits(None), 20, executing(&[]));
        look(&mut more, &waiting);
        assert_eq!(more.left(Some(Held::UntilOneEnds)), Left::Nothing);
    }
}
