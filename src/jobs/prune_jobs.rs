//! A cron job: forgets what ended long ago.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Context, Done, JobError, Task};
use crate::queue::{Cron, Job, Policy, State};

/// Forgets jobs that have ended, each as long after its end as `--retention` says.
#[derive(Deserialize, Serialize)]
pub struct PruneJobs {}

impl Job for PruneJobs {
    const KIND: &'static str = "prune_jobs";
    const POLICY: Policy = Policy {
        // The next one comes soon enough.
        max_attempts: 3,
        time_limit: Duration::from_secs(600),
        ..Policy::DEFAULT
    };
    /// Beside the round minutes, at which so much else begins.
    const CRON: Option<Cron> = Some(Cron::at("7,22,37,52 * * * *"));
}

/// How many jobs are forgotten at once: some milliseconds, for which nobody's claim has to wait long.
const BITE: usize = 500;

/// How long others have the database to themselves between two bites.
const PAUSE: Duration = Duration::from_millis(100);

/// After so many bites the rest is left to the next time: long before the time limit.
const BITES: usize = 1000;

impl Task for PruneJobs {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        let kept = cx.config().retention;
        let kept = [
            (State::Completed, kept.completed),
            (State::Cancelled, kept.cancelled),
            (State::Discarded, kept.discarded),
        ];
        let (mut forgotten, mut bites) = (0, 0);
        for (state, kept) in kept {
            let Some(kept) = kept else { continue };
            let before = cx.clock().now().saturating_sub(kept)?;
            while bites < BITES {
                let bitten = cx.store().prune(state, before, BITE).await?;
                (forgotten, bites) = (forgotten + bitten, bites + 1);
                if bitten < BITE {
                    break;
                }
                // By the machine's own time: it is the database that is to be spared.
                tokio::time::sleep(PAUSE).await;
            }
        }
        let count = forgotten.to_string();
        let locale = cx.default_locale();
        Ok(cx
            .sentence(locale, "jobs.result.prune_jobs", &[("count", &count)])
            .into())
    }
}
