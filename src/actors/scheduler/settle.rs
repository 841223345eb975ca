//! Writes down how an attempt ended.

use std::time::Duration;

use super::{Running, SchedulerActor};
use crate::{
    queue::{EMAIL, Ending, Outcome, Policy, State, Tally, settle},
    store::{JobRow, Settled},
};

impl SchedulerActor {
    /// Decides what follows from an attempt's end; the next turn writes it down.
    ///
    /// An attempt that is not under way here any more, because it was handed back or because its
    /// end is known already, has nothing to add.
    pub(super) fn judge(&mut self, job: &JobRow, outcome: Outcome) {
        let running = self.running.get(&job.id);
        if running.is_none_or(|running| running.job.attempt != job.attempt) {
            return;
        }
        let Some(running) = self.running.remove(&job.id) else {
            return;
        };
        running.cancel.cancel();
        self.progress.remove(&job.id);
        let settled = self.verdict(job, outcome);
        self.ended.push(settled);
    }

    /// What is to be written down of an attempt that ended so.
    pub(super) fn verdict(&self, job: &JobRow, outcome: Outcome) -> Settled {
        let now = self.parts.clock.now();
        let kind = self.parts.catalogue.kind(&job.kind);
        let policy = kind.map_or(Policy::DEFAULT, |kind| kind.policy);
        let chance = rand::random::<f64>();
        let tally = Tally {
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            crashes: job.crashes,
        };
        Settled {
            job: job.clone(),
            verdict: settle(outcome, tally, &policy, now, chance),
            at: now,
        }
    }

    /// Takes in which of the ends are written. With `None` all of them wait for the next turn.
    pub(super) fn settled(&mut self, answers: Option<Vec<bool>>) {
        let settling = std::mem::take(&mut self.settling);
        let Some(answers) = answers else {
            self.ended.splice(0..0, settling);
            return;
        };
        for (settled, ours) in settling.into_iter().zip(answers) {
            self.report(&settled, ours);
            if ours {
                self.count(&settled);
                match settled.verdict.run_at {
                    // Handed back: to be claimed again without waiting for its time.
                    Some(_) if settled.verdict.state == State::Available => {
                        self.stale = true;
                        self.again = true;
                    }
                    Some(run_at) => self.window.add(run_at),
                    None => {}
                }
                self.tell(&settled.job);
            } else if settled.verdict.ending != Ending::Rescued {
                self.parts.metrics.stale_finishes.inc();
                let Settled { job, .. } = &settled;
                self.unwritten.insert((job.id, job.attempt));
            }
        }
    }

    fn count(&self, Settled { job, verdict, at }: &Settled) {
        if verdict.ending == Ending::HandedBack {
            // Not an end, but a stop in the middle: somebody carries on.
            return;
        }
        let took = at.duration_since(job.started_at.unwrap_or(*at));
        let took = Duration::try_from(took).unwrap_or_default();
        let ending = verdict.ending.word();
        self.parts
            .metrics
            .job_ended(&job.queue, &job.kind, ending, took);
    }

    /// One line in the log for each end.
    fn report(&self, Settled { job, verdict, .. }: &Settled, ours: bool) {
        let (id, kind, attempt) = (job.id.0, job.kind.as_str(), job.attempt);
        let ending = verdict.ending.word();
        let error = verdict.error.as_deref();
        match (error.map(|error| for_the_log(job, error)), verdict.ending) {
            // Another instance was quicker to rescue it.
            (_, Ending::Rescued) if !ours => {}
            _ if !ours => {
                tracing::warn!(job.id = id, kind, attempt, ending, "a late end was refused");
            }
            (Some(error), Ending::Discarded) => {
                tracing::error!(job.id = id, kind, attempt, error, "a job was discarded");
            }
            (_, Ending::HandedBack) => {
                tracing::info!(job.id = id, kind, attempt, ending, "an attempt ended");
            }
            (Some(error), _) => {
                tracing::warn!(
                    job.id = id,
                    kind,
                    attempt,
                    ending,
                    error,
                    "an attempt ended"
                );
            }
            (None, _) => tracing::info!(job.id = id, kind, attempt, ending, "an attempt ended"),
        }
    }

    /// Answers whoever waits for a quiet moment, unless the workers of a queue are still on their way here.
    pub(super) fn tell_quiet(&mut self) {
        let mut kinds = self.parts.catalogue.kinds();
        let served = kinds.all(|kind| {
            let busy = |running: &Running| running.job.queue == kind.queue;
            self.crew.free(kind.queue) > 0 || self.running.values().any(busy)
        });
        if served {
            for quiet in self.quiet.drain(..) {
                // Whoever asked may have lost patience.
                let _ = quiet.send(self.running.len());
            }
        }
    }

    /// Answers whoever waits for the end of everything.
    pub(super) fn end_drain(&mut self) {
        if self.running.is_empty()
            && self.ended.is_empty()
            && let Some(drained) = self.drained.take()
        {
            // Whoever asked may have lost patience.
            let _ = drained.send(());
        }
    }
}

/// What the log may say of an error. A mail server likes to repeat the recipient's address, which belongs
/// into no log: operators find its words in the record of the attempt.
fn for_the_log<'a>(job: &JobRow, error: &'a str) -> &'a str {
    match job.queue == EMAIL {
        true => "the record of the attempt says why",
        false => error,
    }
}
