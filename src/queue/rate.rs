//! How often something may happen: the generic cell rate algorithm, as a pure rule.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// So many tries at once, and then one for each share of the period.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Tries that may come in one burst.
    pub burst: u32,
    /// The time in which a spent burst is whole again.
    pub period: Duration,
}

impl Rate {
    /// What one try takes up of the period.
    pub fn share(self) -> Duration {
        self.period / self.burst.max(1)
    }

    /// Judges a try at `now`, given the instant that the last one left behind.
    ///
    /// The answer is the instant to keep, or how long to wait before the next try.
    pub fn judge(self, kept: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Duration> {
        match self.left(kept, now) {
            0 => Err(self.wait(kept, now)),
            _ => Ok(self.charged(kept, now, 1)),
        }
    }

    /// How many tries may come at `now`.
    pub fn left(self, kept: Option<Timestamp>, now: Timestamp) -> u32 {
        let taken = self.from(kept, now).duration_since(now).unsigned_abs();
        let left = self.period.saturating_sub(taken).as_nanos();
        let tries = left / self.share().as_nanos().max(1);
        u32::try_from(tries).unwrap_or(u32::MAX).min(self.burst)
    }

    /// The instant to keep after so many tries at `now`.
    pub fn charged(self, kept: Option<Timestamp>, now: Timestamp, tries: u32) -> Timestamp {
        let shares = self.share().saturating_mul(tries);
        let next = self.from(kept, now).saturating_add(shares);
        next.unwrap_or(Timestamp::MAX)
    }

    /// How long to wait for the next try; zero where it may come at `now`.
    pub fn wait(self, kept: Option<Timestamp>, now: Timestamp) -> Duration {
        let next = self.charged(kept, now, 1).duration_since(now);
        let over = next - SignedDuration::try_from(self.period).unwrap_or(SignedDuration::MAX);
        Duration::try_from(over).unwrap_or_default()
    }

    /// An instant further off than a whole period was written by a clock that has jumped.
    fn from(self, kept: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let whole = now.saturating_add(self.period).unwrap_or(Timestamp::MAX);
        kept.unwrap_or(now).clamp(now, whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 30,
        period: Duration::from_secs(60),
    };

    #[test]
    fn a_burst_passes_the_next_waits_and_time_heals() {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut kept = None;
        for _ in 0..30 {
            kept = Some(RATE.judge(kept, now).expect("within the burst"));
        }
        let wait = RATE.judge(kept, now).expect_err("one too many");
        assert_eq!(wait, Duration::from_secs(2));
        now += wait;
        kept = Some(RATE.judge(kept, now).expect("one share later"));
        assert!(RATE.judge(kept, now).is_err());
    }

    #[test]
    fn many_tries_at_once_are_charged_like_as_many_one_by_one() {
        let odd = Rate {
            burst: 7,
            period: Duration::from_secs(1),
        };
        let now = Timestamp::UNIX_EPOCH;
        let mut kept = None;
        for taken in 0..7 {
            assert_eq!(odd.left(kept, now), 7 - taken);
            assert_eq!(odd.wait(kept, now), Duration::ZERO);
            kept = Some(odd.judge(kept, now).expect("within the burst"));
        }
        assert_eq!(odd.left(kept, now), 0);
        assert_eq!(kept, Some(odd.charged(None, now, 7)));
        let wait = odd.wait(kept, now);
        assert_eq!(odd.left(kept, now + wait), 1);
    }

    #[test]
    fn an_instant_from_a_clock_that_jumped_shuts_nobody_out_for_longer_than_a_share() {
        let now = Timestamp::UNIX_EPOCH;
        let wait = RATE.judge(Some(Timestamp::MAX), now).expect_err("too many");
        assert_eq!(wait, Duration::from_secs(2));
    }
}
