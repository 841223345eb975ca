//! How soon a page of jobs comes again by itself, where no script keeps it up to date.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::error::whole_seconds;
use crate::{queue::State, store::JobRow};

/// While a job runs or is due: soon enough to see it move, and late enough for whoever goes by the
/// keyboard to reach the link that stops it.
const SHORTEST: Duration = Duration::from_secs(5);

/// A job may begin or end before its time: an operator says so.
const LONGEST: Duration = Duration::from_secs(60);

/// What the address says: `?still` keeps the page as it is, for whoever needs time to read it.
#[derive(Deserialize)]
pub struct Wish {
    still: Option<String>,
}

impl Wish {
    /// Whether the page is to stand still.
    pub fn is_still(&self) -> bool {
        self.still.is_some()
    }
}

/// After how many seconds to look at these jobs again; `None` once every one has ended.
pub fn after(jobs: &[JobRow], now: Timestamp) -> Option<u64> {
    let waits = jobs.iter().filter_map(|job| match job.state {
        State::Completed | State::Discarded | State::Cancelled => None,
        State::Available | State::Executing => Some(SHORTEST),
        State::Scheduled | State::Retryable => {
            let wait = job.run_at.duration_since(now).try_into();
            Some(wait.unwrap_or_default())
        }
    });
    let wait = waits.min()?.clamp(SHORTEST, LONGEST);
    Some(whole_seconds(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs in these states, each so many milliseconds before or after its time.
    fn seen(jobs: &[(State, i64)]) -> Option<u64> {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let jobs: Vec<_> = jobs
            .iter()
            .map(|(state, milliseconds)| JobRow {
                run_at: now + jiff::SignedDuration::from_millis(*milliseconds),
                ..JobRow::sample(*state)
            })
            .collect();
        after(&jobs, now)
    }

    #[test]
    fn a_page_on_which_something_happens_comes_again_soon() {
        for state in [State::Available, State::Executing] {
            assert_eq!(seen(&[(state, -1), (State::Scheduled, 30_000)]), Some(5));
        }
        assert_eq!(seen(&[(State::Scheduled, -1)]), Some(5), "it is due");
        assert_eq!(seen(&[(State::Retryable, 1)]), Some(5));
    }

    #[test]
    fn a_page_that_waits_comes_again_when_the_next_job_is_due() {
        let later = (State::Retryable, 50_000);
        assert_eq!(seen(&[later, (State::Scheduled, 10_000)]), Some(10));
        // Rounded up: a page that comes too early has nothing new.
        assert_eq!(seen(&[later, (State::Scheduled, 10_001)]), Some(11));
        assert_eq!(seen(&[(State::Completed, -1), later]), Some(50));
        assert_eq!(seen(&[(State::Scheduled, 86_400_000)]), Some(60));
    }

    #[test]
    fn a_page_on_which_all_has_ended_does_not_come_again() {
        let ended = [State::Completed, State::Discarded, State::Cancelled];
        assert_eq!(seen(&ended.map(|state| (state, -1))), None);
        assert_eq!(seen(&[]), None);
    }
}
