//! One attempt: on a thread of the jobs, with its time limit, its panic caught.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tracing::{Instrument, Span, field::Empty};

use super::{
    spawner::Spawner,
    stop::{GRACE, Stop},
    supervision::Fall,
};
use crate::{
    clock::Clock,
    jobs::JobError,
    queue::{Fault, Outcome},
    store::JobRow,
    telemetry::{Trace, trace},
};

/// What bounds an attempt: its time limit, and whether anybody still wants it.
pub(super) struct Bounds {
    spawner: Spawner,
    clock: Clock,
    limit: Duration,
    deadline: Timestamp,
    stop: Stop,
}

impl Bounds {
    /// The limit counts from the attempt's begin, whatever its time is spent on.
    pub(super) fn new(
        spawner: &Spawner,
        clock: &Clock,
        begun: Timestamp,
        limit: Duration,
        stop: &Stop,
    ) -> Self {
        Bounds {
            spawner: spawner.clone(),
            clock: clock.clone(),
            limit,
            deadline: begun.saturating_add(limit).unwrap_or(Timestamp::MAX),
            stop: stop.clone(),
        }
    }

    /// Refuses to go on to what cannot be taken back, once the job was asked to stop.
    pub(super) fn still_wanted(&self) -> Result<(), Outcome> {
        match self.stop.token().is_cancelled() {
            true => Err(cancelled("nothing had left yet")),
            false => Ok(()),
        }
    }

    /// Runs a job's code and says what came of it, or how it failed.
    ///
    /// The code runs on the threads of its queue's jobs: should it compute or block, neither the actors nor
    /// the connections to the database wait for it. Dropping this future ends it at its next `.await`.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: BoxFuture<'static, Result<T, JobError>>,
    ) -> Result<T, Outcome> {
        let work = work.instrument(Span::current());
        let trace = trace::current();
        let work = self.spawner.run(async {
            match trace {
                Some(trace) => trace::within(trace, work).await,
                None => work.await,
            }
        });
        self.hold(async {
            match work.await {
                Ok(done) => done.map_err(outcome_of),
                Err(last_words) => Err(failed(Fault::Panic, last_words)),
            }
        })
        .await
    }

    /// Waits for `work`, and drops it where it stands once the time is up, nobody wants it any more, or it
    /// was asked to stop and does not.
    pub(super) async fn hold<T>(
        &self,
        work: impl Future<Output = Result<T, Outcome>>,
    ) -> Result<T, Outcome> {
        tokio::select! {
            biased;
            ended = work => ended,
            () = self.stop.in_vain() => Err(cancelled("nobody waited for it any more")),
            () = self.clock.sleep_until(self.deadline) => {
                Err(failed(Fault::Timeout, format!("still at work after {:?}", self.limit)))
            }
            () = self.stop.overdue(&self.clock) => Err(cancelled(&format!("still at work {GRACE:?} after it was asked to stop"))),
        }
    }
}

/// Makes an attempt in a span, and in a trace, of its own; both name whoever enqueued the job.
pub(super) async fn traced<T>(
    job: &JobRow,
    work: impl Future<Output = (Outcome, T)>,
) -> (Outcome, T) {
    let cause: Option<Trace> = job.trace.as_ref().and_then(|trace| trace.parse().ok());
    let span = tracing::info_span!(
        "job",
        job.id = job.id.0,
        job.kind = job.kind,
        job.queue = job.queue,
        job.attempt = job.attempt,
        trace.id = Empty,
        caused_by = cause.as_ref().map(Trace::id),
        outcome = Empty,
    );
    let trace = trace::begin(&span, cause.as_ref());
    span.record("trace.id", trace.id());
    let ended = trace::within(trace, work).instrument(span.clone()).await;
    span.record("outcome", ended.0.word());
    ended
}

fn outcome_of(error: JobError) -> Outcome {
    match error {
        JobError::Failed(error) => failed(Fault::Error, chain(error.as_ref())),
        JobError::Later { after, error } => Outcome::Failed {
            fault: Fault::Error,
            error: format!("{}: {}", Fault::Error.word(), chain(error.as_ref())),
            retry_after: Some(after),
        },
        JobError::Hopeless(error) => Outcome::Hopeless { error },
        JobError::Cancel(reason) => Outcome::Cancelled { reason },
        JobError::DoneAlready => Outcome::Completed { result: None },
        JobError::Snooze(delay) => Outcome::Snoozed { delay },
    }
}

fn cancelled(reason: &str) -> Outcome {
    Outcome::Cancelled {
        reason: reason.to_owned(),
    }
}

/// A failure that another attempt may mend.
pub(super) fn failed(fault: Fault, error: String) -> Outcome {
    Outcome::Failed {
        fault,
        error: format!("{}: {error}", fault.word()),
        retry_after: None,
    }
}

/// An error with all its causes, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes: Vec<_> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    let words: Vec<_> = causes.iter().map(|cause| words(cause)).collect();
    words.join(": ")
}

/// A text that may run over several lines, on one.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the actor that made an attempt begins afresh after it.
///
/// An ordinary error restarts nothing. What panicked or did not end may have left something broken.
pub(super) fn restart_after(outcome: &Outcome) -> Option<Fall> {
    match outcome {
        Outcome::Failed {
            fault: Fault::Panic,
            ..
        } => Some(Fall::JobPanic),
        Outcome::Failed {
            fault: Fault::Timeout,
            ..
        } => Some(Fall::JobTimeout),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
