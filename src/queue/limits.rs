//! How many jobs of a queue may start: what operators limit, over all instances together.

use std::{ops::RangeInclusive, time::Duration};

use jiff::Timestamp;

use super::Rate;

/// How many actors a queue may have on each instance.
pub const SIZES: RangeInclusive<u32> = 1..=4096;

/// How many of a queue's jobs, or of those with one limit key, may be allowed at once.
pub const AT_ONCE: RangeInclusive<u32> = 1..=1_000_000;

/// How many starts a rate may allow in its period ..
pub const RATE_JOBS: RangeInclusive<u32> = 1..=1_000_000;

/// .. and how long that may be: each start has a microsecond at least, which is what the database keeps.
pub const RATE_PERIOD: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600);

/// How long a limit key may be, in bytes.
pub const LONGEST_KEY: usize = 200;

/// Whether a job can be counted by this key. PostgreSQL's texts hold no zero.
pub fn is_limit_key(key: &str) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && !key.contains('\0')
}

/// What is limited in a queue; where a field is none, nothing is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// So many jobs execute at once.
    pub at_once: Option<u32>,
    /// So many of each limit key; jobs without one are not counted.
    pub at_once_per_key: Option<u32>,
    /// So often a job starts.
    pub rate: Option<Rate>,
}

/// What a claim may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grant {
    pub jobs: usize,
    /// What it was that cut it; none where there are no more free actors than this.
    pub cut: Option<Held>,
}

/// When more jobs of a queue may start, where a limit kept back some.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Held {
    /// Once one of the queue's jobs has ended, on whatever instance.
    UntilOneEnds,
    /// At this instant.
    Until(Timestamp),
}

impl Limits {
    /// Whether nothing is limited.
    pub fn are_none(&self) -> bool {
        *self == Limits::default()
    }

    /// Whether the end of a job lets another start.
    pub fn count(&self) -> bool {
        self.at_once.is_some() || self.at_once_per_key.is_some()
    }

    /// How many jobs may start at `now` for so many free actors, while so many execute. `kept` is what
    /// the last claim left behind of the rate.
    pub fn grant(
        &self,
        free: usize,
        executing: usize,
        kept: Option<Timestamp>,
        now: Timestamp,
    ) -> Grant {
        let room = |most: u32| (most as usize).saturating_sub(executing);
        let room = self.at_once.map_or(usize::MAX, room);
        let left = self.rate.map(|rate| rate.left(kept, now) as usize);
        let jobs = free.min(room).min(left.unwrap_or(usize::MAX));
        let cut = match self.rate {
            _ if jobs == free => None,
            // Where both cut, an end alone would not help.
            Some(rate) if left == Some(jobs) => {
                let kept = self.kept_after(jobs, kept, now);
                let at = now.saturating_add(rate.wait(kept, now));
                Some(Held::Until(at.unwrap_or(Timestamp::MAX)))
            }
            _ => Some(Held::UntilOneEnds),
        };
        Grant { jobs, cut }
    }

    /// What a claim of so many jobs leaves behind of the rate.
    pub fn kept_after(
        &self,
        jobs: usize,
        kept: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let tries = u32::try_from(jobs).unwrap_or(u32::MAX);
        self.rate.map(|rate| rate.charged(kept, now, tries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::UNIX_EPOCH;
    const RATE: Rate = Rate {
        burst: 10,
        period: Duration::from_secs(60),
    };

    fn every_limit(test: impl Fn(Limits, usize, usize, Option<Timestamp>)) {
        let at_onces = [None, Some(1), Some(4), Some(20)];
        let rates = [None, Some(RATE), Some(Rate { burst: 1, ..RATE })];
        let kepts = [None, Some(0), Some(6), Some(57), Some(60), Some(600)];
        for at_once in at_onces {
            for rate in rates {
                let limits = Limits {
                    at_once,
                    rate,
                    ..Limits::default()
                };
                for free in 0..12 {
                    for executing in 0..6 {
                        for kept in kepts {
                            let kept = kept.map(|s| NOON + Duration::from_secs(s));
                            test(limits, free, executing, kept);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn no_grant_breaks_a_limit_and_none_is_smaller_than_it_must() {
        every_limit(|limits, free, executing, kept| {
            let grant = limits.grant(free, executing, kept, NOON);
            let breaks = |jobs: usize| {
                let room = limits
                    .at_once
                    .is_some_and(|most| executing + jobs > most as usize);
                let left = limits.rate.map(|rate| rate.left(kept, NOON) as usize);
                jobs > free || room || left.is_some_and(|left| jobs > left)
            };
            assert!(
                grant.jobs == 0 || !breaks(grant.jobs),
                "{limits:?} {grant:?}"
            );
            assert!(breaks(grant.jobs + 1), "{limits:?} {grant:?}");
            assert_eq!(grant.cut.is_none(), grant.jobs == free);
        });
    }

    #[test]
    fn whoever_waits_until_the_instant_told_may_start_another() {
        every_limit(|limits, free, executing, kept| {
            let grant = limits.grant(free, executing, kept, NOON);
            let Some(Held::Until(at)) = grant.cut else {
                return;
            };
            assert!(at > NOON);
            let kept = limits.kept_after(grant.jobs, kept, NOON);
            // What the column keeps.
            let kept = kept.and_then(|at| Timestamp::from_microsecond(at.as_microsecond()).ok());
            let rate = limits.rate.expect("only a rate is waited for");
            assert!(rate.left(kept, at) >= 1, "{limits:?} {grant:?}");
        });
    }

    #[test]
    fn without_limits_every_free_actor_gets_a_job() {
        let grant = Limits::default().grant(7, 100, None, NOON);
        assert_eq!(grant, Grant { jobs: 7, cut: None });
    }
}
