//! One attempt: on a thread of the jobs, with its time limit, its panic caught.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::{runtime::Handle, task::JoinError};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span, field::Empty};

use super::{
    stop::{GRACE, Stop},
    supervision::Fall,
};
use crate::{
    clock::Clock,
    jobs::JobError,
    queue::{Fault, Outcome},
    store::JobRow,
    telemetry::{Trace, panic_message, trace},
};

/// What bounds an attempt: its time limit, and whether anybody still wants it.
pub(super) struct Bounds {
    threads: Handle,
    clock: Clock,
    limit: Duration,
    deadline: Timestamp,
    stop: Stop,
}

impl Bounds {
    /// The limit counts from the attempt's begin, whatever its time is spent on.
    pub(super) fn new(
        threads: &Handle,
        clock: &Clock,
        begun: Timestamp,
        limit: Duration,
        stop: &Stop,
    ) -> Self {
        Bounds {
            threads: threads.clone(),
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
        let work = match trace::current() {
            Some(trace) => self.threads.spawn(trace::within(trace, work)),
            None => self.threads.spawn(work),
        };
        let work = AbortOnDropHandle::new(work);
        self.hold(async {
            match work.await {
                Ok(done) => done.map_err(outcome_of),
                Err(broken) => Err(failed(Fault::Panic, last_words(broken))),
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

fn last_words(broken: JoinError) -> String {
    match broken.try_into_panic() {
        Ok(payload) => panic_message(payload.as_ref()).to_owned(),
        Err(broken) => broken.to_string(),
    }
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
mod tests {
    use std::{future::pending, io};

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    async fn attempt<T: Send + 'static>(
        work: BoxFuture<'static, Result<T, JobError>>,
        begun: Timestamp,
        limit: Duration,
        clock: &Clock,
        stop: &Stop,
    ) -> Result<T, Outcome> {
        let threads = Handle::current();
        Bounds::new(&threads, clock, begun, limit, stop)
            .run(work)
            .await
    }

    const LIMIT: Duration = Duration::from_secs(60);

    fn clock() -> Clock {
        Clock::standing_at(Timestamp::UNIX_EPOCH)
    }

    async fn made(
        work: impl Future<Output = Result<i32, JobError>> + Send + 'static,
    ) -> Result<i32, Outcome> {
        let (clock, stop) = (clock(), Stop::default());
        attempt(work.boxed(), clock.now(), LIMIT, &clock, &stop).await
    }

    /// What a failed attempt is recorded with.
    async fn recorded(
        work: impl Future<Output = Result<i32, JobError>> + Send + 'static,
    ) -> (Fault, String) {
        match made(work).await {
            Err(Outcome::Failed { fault, error, .. }) => (fault, error),
            other => panic!("not a failure: {other:?}"),
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the report could not be written")]
    struct Unwritten(#[source] io::Error);

    #[tokio::test]
    async fn a_job_that_ends_well_gives_what_it_made() {
        assert_eq!(made(async { Ok(7) }).await, Ok(7));
    }

    #[tokio::test]
    async fn an_error_is_recorded_with_all_its_causes_on_one_line() {
        let work = async {
            let cause = io::Error::other("disk full:\n  no space left");
            Err(Unwritten(cause).into())
        };
        let said = "error: the report could not be written: disk full: no space left";
        assert_eq!(recorded(work).await, (Fault::Error, said.to_owned()));
    }

    #[tokio::test]
    async fn a_panic_is_recorded_with_its_message() {
        let recorded = recorded(async { panic!("at the {}nd step", 2) }).await;
        assert_eq!(
            recorded,
            (Fault::Panic, "panic: at the 2nd step".to_owned())
        );
    }

    #[tokio::test]
    async fn what_a_job_says_outright_is_taken_at_its_word() {
        let of = async |error| made(async { Err(error) }).await.expect_err("an error");
        let reason = "gone".to_owned();
        let cancelled = of(JobError::cancel("gone")).await;
        assert_eq!(cancelled, Outcome::Cancelled { reason });
        let error = "550".to_owned();
        let hopeless = of(JobError::hopeless("550")).await;
        assert_eq!(hopeless, Outcome::Hopeless { error });
        let done = of(JobError::DoneAlready).await;
        assert_eq!(done, Outcome::Completed { result: None });
        let delay = Duration::from_secs(5);
        let snoozed = of(JobError::Snooze(delay)).await;
        assert_eq!(snoozed, Outcome::Snoozed { delay });
    }

    /// A job that never ends, and a signal of its end.
    fn endless() -> (
        BoxFuture<'static, Result<i32, JobError>>,
        oneshot::Receiver<()>,
    ) {
        let (job, ended) = oneshot::channel::<()>();
        let work = async move {
            let _job = job;
            pending().await
        };
        (work.boxed(), ended)
    }

    #[tokio::test]
    async fn a_job_that_is_at_work_for_too_long_is_ended() {
        let (clock, stop) = (clock(), Stop::default());
        let (work, ended) = endless();
        let attempt = attempt(work, clock.now(), LIMIT, &clock, &stop);
        tokio::pin!(attempt);
        clock.advance(LIMIT - Duration::from_micros(1));
        assert!(attempt.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_micros(1));
        let outcome = attempt.await.expect_err("it took too long");
        assert_eq!(restart_after(&outcome), Some(Fall::JobTimeout));
        let said = "timeout: still at work after 60s".to_owned();
        assert_eq!(
            outcome,
            failed(Fault::Timeout, "still at work after 60s".to_owned())
        );
        assert!(matches!(outcome, Outcome::Failed { error, .. } if error == said));
        ended.await.expect_err("its code is gone");
    }

    #[tokio::test]
    async fn the_time_that_an_attempt_waited_for_its_actor_counts() {
        let (clock, stop) = (clock(), Stop::default());
        let begun = clock.now();
        clock.advance(LIMIT);
        let (work, ended) = endless();
        let outcome = attempt(work, begun, LIMIT, &clock, &stop).await;
        assert!(matches!(
            outcome,
            Err(Outcome::Failed {
                fault: Fault::Timeout,
                ..
            })
        ));
        ended.await.expect_err("its code is gone");
    }

    #[tokio::test]
    async fn a_cancelled_job_is_ended() {
        let (clock, stop) = (clock(), Stop::default());
        let (work, ended) = endless();
        stop.at_once();
        let outcome = attempt(work, clock.now(), LIMIT, &clock, &stop).await;
        let outcome = outcome.expect_err("it was cancelled");
        assert!(matches!(outcome, Outcome::Cancelled { .. }));
        assert_eq!(restart_after(&outcome), None);
        ended.await.expect_err("its code is gone");
    }

    #[tokio::test]
    async fn a_job_that_was_asked_to_stop_is_ended_once_its_grace_is_over() {
        let (clock, stop) = (clock(), Stop::default());
        let (work, ended) = endless();
        let attempt = attempt(work, clock.now(), LIMIT, &clock, &stop);
        tokio::pin!(attempt);
        stop.ask(&clock);
        assert!(stop.token().is_cancelled());
        clock.advance(GRACE - Duration::from_micros(1));
        assert!(attempt.as_mut().now_or_never().is_none());
        stop.ask(&clock);
        clock.advance(Duration::from_micros(1));
        let outcome = attempt.await.expect_err("it did not stop");
        assert!(matches!(outcome, Outcome::Cancelled { .. }));
        ended.await.expect_err("its code is gone");
    }

    #[tokio::test]
    async fn an_attempt_that_nobody_awaits_any_more_ends_its_job() {
        let (clock, stop) = (clock(), Stop::default());
        let (work, ended) = endless();
        let attempt = attempt(work, clock.now(), LIMIT, &clock, &stop);
        assert!(attempt.now_or_never().is_none());
        ended.await.expect_err("its code is gone");
    }
}
