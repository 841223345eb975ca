//! How often somebody may try: the generic cell rate algorithm, as a pure rule.

use std::time::Duration;

use jiff::Timestamp;

/// So many tries at once, and then one for each share of the period.
#[derive(Clone, Copy, Debug, PartialEq)]
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
        // An instant further off than a whole period was written by a clock that has jumped.
        let whole = now.saturating_add(self.period).unwrap_or(Timestamp::MAX);
        let from = kept.unwrap_or(now).clamp(now, whole);
        let next = from.saturating_add(self.share()).unwrap_or(Timestamp::MAX);
        let over = next.duration_since(now)
            - jiff::SignedDuration::try_from(self.period).unwrap_or_default();
        match over.is_positive() {
            false => Ok(next),
            true => Err(over.unsigned_abs()),
        }
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
    fn an_instant_from_a_clock_that_jumped_shuts_nobody_out_for_longer_than_a_share() {
        let now = Timestamp::UNIX_EPOCH;
        let wait = RATE.judge(Some(Timestamp::MAX), now).expect_err("too many");
        assert_eq!(wait, Duration::from_secs(2));
    }
}
