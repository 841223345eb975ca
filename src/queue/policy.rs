//! How often a job is tried, for how long, and the wait in between.

use std::time::Duration;

/// Nobody may ask for more attempts than these: far more than anybody waits for.
pub const MOST_ATTEMPTS: i32 = 1000;

/// The terms on which a kind of job is attempted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// After so many attempts the job is discarded.
    pub max_attempts: i32,
    /// An attempt that is still at work after this long has failed.
    pub time_limit: Duration,
    /// The wait after the first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// The wait never grows beyond this. The same as the first one, it keeps all waits alike.
    pub longest_wait: Duration,
}

impl Policy {
    /// Twenty attempts over some three and a half days, the first ones within a minute.
    ///
    /// That is a little less than the four to five days for which RFC 5321 asks mail servers to
    /// keep trying, so that a letter survives a weekend without its mail server.
    pub const DEFAULT: Policy = Policy {
        max_attempts: 20,
        time_limit: Duration::from_secs(60),
        first_wait: Duration::from_secs(5),
        longest_wait: Duration::from_secs(12 * 3600),
    };

    /// The longest that any wait may be, its jitter included.
    pub fn longest(&self) -> Duration {
        self.longest_wait.saturating_add(self.longest_wait / 4)
    }

    /// For how long a job is tried that fails every time: all its waits, without their jitter.
    pub fn span(&self) -> Duration {
        (1..self.max_attempts)
            .map(|attempt| self.wait(attempt, 0.5))
            .sum()
    }

    /// How long to wait after attempt `attempt` (counted from 1) has failed.
    ///
    /// `chance`, from 0 to 1, spreads the wait over 75 to 125 % of its nominal length, so that
    /// jobs which failed together do not come back together.
    pub fn wait(&self, attempt: i32, chance: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).clamp(0, 31) as u32;
        self.first_wait
            .saturating_mul(1 << doublings)
            .min(self.longest_wait)
            .mul_f64(0.75 + 0.5 * chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_letter_is_tried_for_longer_than_a_weekend() {
        let all = Policy::DEFAULT.span();
        assert!(all > Duration::from_secs(60 * 3600), "{all:?}");
        assert!(all < Duration::from_secs(5 * 24 * 3600), "{all:?}");
    }

    proptest! {
        #[test]
        fn the_wait_grows_stays_bounded_and_never_overflows(attempt in 1..i32::MAX, chance in 0.0..=1.0f64) {
            let policy = Policy::DEFAULT;
            let wait = policy.wait(attempt, chance);
            prop_assert!(wait >= policy.first_wait.mul_f64(0.75));
            prop_assert!(wait <= policy.longest_wait.mul_f64(1.25));
            prop_assert!(policy.wait(attempt.saturating_add(1), chance) >= wait);
        }
    }
}
