//! How long a letter waits: for a mail server in trouble, and after an attempt that failed.
//!
//! To be put off costs a letter no attempt, but time counts in its place: a letter that was put off is
//! given up if its server is still in trouble after all the time for which its policy would have had
//! it tried. So a letter waits three and a half days for its server, whether its own attempts failed
//! or others' did.

use std::time::Duration;

use jiff::Timestamp;

use super::Delivery;
use crate::{
    mail::{Pass, PutOff},
    queue::{Outcome, Policy},
    store::{JobRow, Tries},
};

impl Delivery {
    /// Leave to send a letter, or what becomes of it without.
    pub(super) async fn leave(&self, job: &JobRow, policy: &Policy) -> Result<Pass, Outcome> {
        let (breaker, now) = (self.mailer.breaker(), self.bench.tools.clock.now());
        if let Some(trouble) = breaker.trouble()
            && let Some(waited) = self.waited(job, now).await
            && waited >= policy.span()
        {
            let hours = waited.as_secs() / 3600;
            let error = format!("given up after {hours} hours without a mail server: {trouble}");
            return Err(Outcome::Hopeless { error });
        }
        let pass = breaker.ask(now);
        pass.map_err(|PutOff(delay)| Outcome::Snoozed { delay })
    }

    /// Has a letter that failed wait by the attempts that it was charged for. Its attempt's number
    /// also counts those that were put off, and would have it wait for hours.
    pub(super) async fn timed(&self, job: &JobRow, outcome: Outcome) -> Outcome {
        let kind = self.bench.catalogue.kind(&job.kind);
        match (outcome, kind) {
            (
                Outcome::Failed {
                    fault,
                    error,
                    retry_after: None,
                },
                Some(kind),
            ) => {
                let tries = self.tries(job).await;
                let wait = |tries: Tries| kind.policy.wait(tries.charged + 1, rand::random());
                Outcome::Failed {
                    fault,
                    error,
                    retry_after: tries.map(wait),
                }
            }
            (outcome, _) => outcome,
        }
    }

    /// For how long a letter that was put off has been tried. A database that has no answer is no
    /// reason to give it up.
    async fn waited(&self, job: &JobRow, now: Timestamp) -> Option<Duration> {
        let tries = self.tries(job).await.filter(|tries| tries.free > 0)?;
        now.duration_since(tries.since?).try_into().ok()
    }

    /// What has been tried of a job before this attempt, as far as the database says.
    async fn tries(&self, job: &JobRow) -> Option<Tries> {
        match job.attempt {
            ..=1 => Some(Tries::default()),
            _ => self.bench.tools.store.tries(job.id).await.ok(),
        }
    }
}
