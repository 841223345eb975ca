//! How long jobs that have ended are kept, by the state in which they ended.

use std::time::Duration;

use super::{DAY, settings, value::Expected};

/// For each final state how long; `None` is for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    pub completed: Option<Duration>,
    pub cancelled: Option<Duration>,
    pub discarded: Option<Duration>,
}

/// Whoever waits for the end of a job looks at it for longer than this.
const LEAST: Duration = Duration::from_secs(60);

const MOST: Duration = Duration::from_secs(36500 * DAY.as_secs());

const EXPECTED: &str = "give completed, cancelled or discarded, each with a duration from 1m to 36500days or forever, \
     such as completed=7d,discarded=forever; or forever for all";

/// Reads `completed=7d,discarded=forever`, or `forever` for all; a state that is not named keeps its default.
pub(super) fn retention(value: &str) -> Result<Retention, Expected> {
    let usual = settings::RETENTION.default.unwrap_or_default();
    let usual = Retention::FOREVER.but(usual).ok_or(EXPECTED)?;
    match value {
        "forever" => Ok(Retention::FOREVER),
        value => Ok(usual.but(value).ok_or(EXPECTED)?),
    }
}

impl Retention {
    /// Nothing is ever forgotten.
    pub const FOREVER: Retention = Retention {
        completed: None,
        cancelled: None,
        discarded: None,
    };

    /// The same but for what is said; `None` if that cannot be read.
    fn but(self, said: &str) -> Option<Self> {
        let mut changed = self;
        for part in said.split(',') {
            let (state, kept) = part.trim().split_once('=')?;
            let kept = match kept {
                "forever" => None,
                kept => {
                    let kept = humantime::parse_duration(kept).ok();
                    Some(kept.filter(|kept| (LEAST..=MOST).contains(kept))?)
                }
            };
            match state {
                "completed" => changed.completed = kept,
                "cancelled" => changed.cancelled = kept,
                "discarded" => changed.discarded = kept,
                _ => return None,
            }
        }
        Some(changed)
    }
}
