//! Writes down how an attempt ended.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Change, Running, SchedulerActor,
    ends::{Answer, Tried},
};
use crate::{
    queue::{EMAIL, Ending, Outcome, Policy, State, Tally, Verdict, settle},
    store::{Asked, JobRow, Settled, StoreError, told},
    telemetry::Trace,
};

/// An end of which it is known what became.
pub(super) struct Resolved {
    settled: Settled,
    /// Whether it is written; else it was late.
    ours: bool,
}

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
        running.stop.at_once();
        self.progress.remove(&job.id);
        let settled = self.verdict(&running.job, outcome);
        self.ends.push(settled);
    }

    /// Asks an attempt to stop; `false` says that it is not under way here.
    pub(super) fn ask_to_stop(&mut self, asked: &Asked) -> bool {
        let running = self.running.get_mut(&asked.job);
        let running = running.filter(|running| running.job.attempt == asked.attempt);
        let Some(running) = running else {
            return false;
        };
        Arc::make_mut(&mut running.job).cancel_at = Some(asked.at);
        running.stop.ask(&self.parts.clock);
        true
    }

    /// What is to be written down of an attempt that ended so.
    pub(super) fn verdict(&self, job: &Arc<JobRow>, outcome: Outcome) -> Settled {
        let now = self.parts.clock.now();
        let kind = self.parts.catalogue.kind(&job.kind);
        let policy = kind.map_or(Policy::DEFAULT, |kind| kind.policy);
        let chance = rand::random::<f64>();
        let tally = Tally {
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            crashes: job.crashes,
        };
        let settled = Settled {
            job: job.clone(),
            verdict: settle(outcome, tally, &policy, now, chance),
            at: now,
        };
        match job.cancel_at {
            Some(at) => heeding(settled, at),
            None => settled,
        }
    }

    /// Takes in which of the ends are written. Those without an answer wait for the next turn; one that came
    /// late because somebody has asked for a cancel since it was judged is judged anew.
    ///
    /// Answers with those of which there is something to report, and whether jobs that waited for these may be due.
    pub(super) fn settled(
        &mut self,
        answers: Vec<Answer>,
        asked: &[Asked],
    ) -> (Vec<Resolved>, bool) {
        let (mut resolved, mut frees) = (Vec::with_capacity(answers.len()), false);
        for (tried, answer) in self.ends.answered(answers, self.parts.clock.now()) {
            let ours = match answer {
                Answer::Written => true,
                Answer::Late => false,
                Answer::Refused(error) => {
                    self.keep(tried, &error);
                    continue;
                }
            };
            let settled = tried.end;
            if let Some(at) = asked_since(&settled, asked).filter(|_| !ours) {
                self.ends.push(heeding(settled, at));
                continue;
            }
            if ours {
                frees |= settled.job.flow.is_some();
                match settled.verdict.run_at {
                    // Handed back: to be claimed again without waiting for its time.
                    Some(_) if settled.verdict.state == State::Available => {
                        self.stale = true;
                        self.again = true;
                    }
                    Some(run_at) => self.window.add(run_at),
                    None => {}
                }
            } else if settled.verdict.ending != Ending::Rescued {
                self.parts.metrics.stale_finishes.inc();
                let Settled { job, .. } = &settled;
                self.unwritten.insert((job.id, job.attempt));
            }
            resolved.push(Resolved { settled, ours });
        }
        (resolved, frees)
    }

    /// Tells of each end to the log and the metrics, and answers with what is to be told to those who watch.
    pub(super) fn report(&self, resolved: &[Resolved]) -> Vec<Change> {
        let mut ended = Vec::with_capacity(resolved.len());
        for Resolved { settled, ours } in resolved {
            log(settled, *ours);
            if *ours {
                self.count(settled);
                ended.push(Change::of(&settled.job));
            }
        }
        ended
    }

    /// Keeps an end that the database does not want: the work is done, and is not to be done again for that.
    fn keep(&mut self, tried: Tried, error: &StoreError) {
        let (job, ending) = (tried.end.job.clone(), tried.end.verdict.ending.word());
        let wait = self.ends.keep(tried, self.parts.clock.now());
        tracing::error!(
            job.id = job.id.0,
            kind = job.kind,
            attempt = job.attempt,
            ending,
            %error,
            again_in_s = wait.as_secs(),
            "the end of an attempt cannot be written down; it is tried again"
        );
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
            && !self.ends.are_due(self.parts.clock.now())
            && let Some(drained) = self.drained.take()
        {
            // Whoever asked may have lost patience.
            let _ = drained.send(());
        }
    }
}

/// One line in the log for each end.
fn log(Settled { job, verdict, .. }: &Settled, ours: bool) {
    let (id, kind, attempt) = (job.id.0, job.kind.as_str(), job.attempt);
    let cause: Option<Trace> = job.trace.as_ref().and_then(|trace| trace.parse().ok());
    let caused_by = cause.as_ref().map(Trace::id);
    let ending = verdict.ending.word();
    let error = verdict.error.as_deref();
    match (error.map(|error| for_the_log(job, error)), verdict.ending) {
        // Another instance was quicker to rescue it.
        (_, Ending::Rescued) if !ours => {}
        _ if !ours => {
            tracing::warn!(job.id = id, kind, attempt, ending, "a late end was refused");
        }
        (Some(error), Ending::Discarded) => {
            tracing::error!(
                job.id = id,
                kind,
                attempt,
                caused_by,
                error,
                "a job was discarded"
            );
        }
        (Some(error), how) if how != Ending::HandedBack => {
            tracing::warn!(
                job.id = id,
                kind,
                attempt,
                caused_by,
                ending,
                error,
                "an attempt ended"
            );
        }
        _ => tracing::info!(
            job.id = id,
            kind,
            attempt,
            caused_by,
            ending,
            "an attempt ended"
        ),
    }
}

/// When somebody asked this attempt to stop, if it was judged without knowing that.
fn asked_since(Settled { job, .. }: &Settled, asked: &[Asked]) -> Option<Timestamp> {
    let this = |asked: &&Asked| (asked.job, asked.attempt) == (job.id, job.attempt);
    let asked = asked.iter().find(this).filter(|_| job.cancel_at.is_none());
    asked.map(|asked| asked.at)
}

/// An end of a job that somebody has asked to cancel. A letter of which nobody knows how far it came stays
/// in doubt.
fn heeding(
    Settled {
        mut job,
        verdict,
        at,
    }: Settled,
    asked_at: Timestamp,
) -> Settled {
    Arc::make_mut(&mut job).cancel_at = Some(asked_at);
    let error = told(&job.queue, verdict.ending.word(), verdict.error.as_deref());
    let verdict = Verdict { error, ..verdict }.heeding(job.cancel_at);
    Settled { job, verdict, at }
}

/// What the log may say of an error. A mail server likes to repeat the recipient's address, which belongs
/// into no log: operators find its words in the record of the attempt.
fn for_the_log<'a>(job: &JobRow, error: &'a str) -> &'a str {
    match job.queue == EMAIL {
        true => "the record of the attempt says why",
        false => error,
    }
}
