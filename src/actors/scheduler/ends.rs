//! The ends of attempts that wait to be written down, and those among them that the database refuses.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    queue::JobId,
    store::{Settled, Store, StoreError},
};

/// How many ends one transaction writes down: well within what a transaction has time for.
const TOGETHER: usize = 256;

/// How many that were refused before a turn tries again, each by itself: the others wait behind them.
const ALONE: usize = 4;

/// After so many refusals one after the other it is not about these ends: the rest waits, and the turn goes on to
/// what else there is to do.
const IN_A_ROW: usize = 9;

/// How long an end waits that was refused for the first time; each time after it waits twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How long it waits at the most: whoever mends the database sees soon that it was that.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// What waits to be written down.
#[derive(Default)]
pub(super) struct Ends {
    /// Not tried yet, or without an answer.
    new: Vec<Settled>,
    /// When those of `new` may be tried, after the database refused too many one after the other.
    not_before: Option<Timestamp>,
    /// There may be no later turn: nothing waits any more.
    hurried: bool,
    /// With the turn that is under way: first those that are written together.
    settling: Vec<Tried>,
    /// Each with the instant of its next try.
    refused: Vec<(Timestamp, Tried)>,
}

/// An end, and how often the database has refused it.
pub(super) struct Tried {
    pub end: Settled,
    refusals: u32,
}

/// What a turn is to write down.
#[derive(Default)]
pub(super) struct Batch {
    together: Vec<Settled>,
    /// Were refused before: each has a transaction of its own.
    alone: Vec<Settled>,
}

/// What became of an end.
#[derive(Debug)]
pub(super) enum Answer {
    Written,
    /// The attempt was not its owner's any more, or somebody has asked it to stop since it was judged.
    Late,
    /// The database does not take it, and others it does.
    Refused(StoreError),
}

impl Ends {
    pub(super) fn push(&mut self, end: Settled) {
        self.new.push(end);
    }

    /// Those that a turn is to write down now.
    pub(super) fn take(&mut self, now: Timestamp) -> Batch {
        let most = if self.new_are_due(now) { TOGETHER } else { 0 };
        let rest = self.new.split_off(self.new.len().min(most));
        let together = std::mem::replace(&mut self.new, rest);
        let due = self.refused.extract_if(.., |(at, _)| *at <= now);
        let again: Vec<Tried> = due.take(ALONE).map(|(_, tried)| tried).collect();
        let batch = Batch {
            together: together.clone(),
            alone: again.iter().map(|tried| tried.end.clone()).collect(),
        };
        let together = together.into_iter().map(|end| Tried { end, refusals: 0 });
        self.settling = together.chain(again).collect();
        batch
    }

    /// Those that the turn under way writes down.
    pub(super) fn settling(&self) -> impl Iterator<Item = &Settled> {
        self.settling.iter().map(|tried| &tried.end)
    }

    /// What became of these, as far as the turn came; the others wait for the next, or for a while if it had enough of
    /// refusals.
    pub(super) fn answered(
        &mut self,
        answers: Vec<Answer>,
        now: Timestamp,
    ) -> Vec<(Tried, Answer)> {
        let fewer = answers.len() < self.settling.len();
        let had_enough = fewer && matches!(answers.last(), Some(Answer::Refused(_)));
        // A turn that had none of the new ones says nothing of them.
        if self.settling.iter().any(|tried| tried.refusals == 0) {
            self.not_before = (had_enough && !self.hurried).then(|| now + FIRST_WAIT);
        }
        let rest = self.settling.split_off(answers.len());
        let answered = std::mem::replace(&mut self.settling, rest);
        self.put_back();
        answered.into_iter().zip(answers).collect()
    }

    /// The turn that was under way has no answer for these.
    pub(super) fn put_back(&mut self) {
        let (new, again): (Vec<_>, Vec<_>) = std::mem::take(&mut self.settling)
            .into_iter()
            .partition(|tried| tried.refusals == 0);
        self.new
            .splice(0..0, new.into_iter().map(|tried| tried.end));
        let again = again.into_iter().map(|tried| (Timestamp::MIN, tried));
        self.refused.splice(0..0, again);
    }

    /// Keeps an end that the database has refused, and answers how long it waits.
    pub(super) fn keep(&mut self, tried: Tried, now: Timestamp) -> Duration {
        let wait = wait(tried.refusals);
        let refusals = tried.refusals + 1;
        self.refused.push((now + wait, Tried { refusals, ..tried }));
        wait
    }

    /// No end waits any longer: there may be no later turn.
    pub(super) fn hurry(&mut self) {
        self.hurried = true;
        self.not_before = None;
        for (at, _) in &mut self.refused {
            *at = Timestamp::MIN;
        }
    }

    /// Whether there is something to write down now.
    pub(super) fn are_due(&self, now: Timestamp) -> bool {
        self.new_are_due(now) || self.next().is_some_and(|next| next <= now)
    }

    fn new_are_due(&self, now: Timestamp) -> bool {
        !self.new.is_empty() && self.not_before.is_none_or(|at| at <= now)
    }

    /// When the next of those that wait is tried.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let refused = self.refused.iter().map(|(at, _)| *at);
        let new = self.not_before.filter(|_| !self.new.is_empty());
        refused.chain(new).min()
    }

    /// Whether the end of this job's attempt is known, and not yet written down.
    pub(super) fn hold(&self, job: JobId) -> bool {
        let refused = self.refused.iter().map(|(_, tried)| &tried.end);
        let mut all = self.new.iter().chain(self.settling()).chain(refused);
        all.any(|end| end.job.id == job)
    }
}

/// How long an end waits that was refused so often before.
fn wait(refusals: u32) -> Duration {
    let doubled = 2u32.saturating_pow(refusals);
    FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT)
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.together.is_empty() && self.alone.is_empty()
    }

    /// All of them, unless some were refused before.
    pub(super) fn of_new(&self) -> Option<&[Settled]> {
        let new = !self.together.is_empty() && self.alone.is_empty();
        new.then_some(&self.together)
    }

    pub(super) fn ends(&self) -> impl Iterator<Item = &Settled> {
        self.together.iter().chain(&self.alone)
    }

    /// Writes them down, and notes what became of each, in their order.
    ///
    /// One transaction for all. Should one of them break it, one for each half, down to the end that is
    /// refused: it must not keep the others from being written. After too many refusals there are fewer answers
    /// than ends. An error says that there was no answer for those that are left.
    pub(super) async fn write_down(
        &self,
        store: &Store,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StoreError> {
        let mut in_a_row = 0;
        let mut parts: Vec<&[Settled]> = match self.together.as_slice() {
            [] => Vec::new(),
            all => vec![all],
        };
        while let Some(part) = parts.pop() {
            match store.settle(part).await {
                Ok(ours) => {
                    in_a_row = 0;
                    answers.extend(ours.into_iter().map(Answer::of));
                }
                Err(error) if !error.is_about_the_rows() => return Err(error),
                Err(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(error) => {
                    answers.push(Answer::Refused(error));
                    in_a_row += 1;
                    if in_a_row == IN_A_ROW {
                        tracing::error!(
                            "the database refuses one end after the other, each with the reason that is told of it; the rest waits"
                        );
                        return Ok(());
                    }
                }
            }
        }
        for end in &self.alone {
            match store.settle(std::slice::from_ref(end)).await {
                Ok(ours) => answers.extend(ours.into_iter().map(Answer::of)),
                Err(error) if !error.is_about_the_rows() => return Err(error),
                Err(error) => answers.push(Answer::Refused(error)),
            }
        }
        Ok(())
    }
}

impl Answer {
    pub(super) fn of(ours: bool) -> Self {
        match ours {
            true => Answer::Written,
            false => Answer::Late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_refused_waits_longer_each_time() {
        let waits: Vec<_> = (0..12).map(wait).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(wait(u32::MAX), LONGEST_WAIT);
    }
}
