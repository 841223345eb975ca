//! One attempt: off the actors' thread, with its time limit, its panic caught.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::supervision::{Fall, panic_message};
use crate::{
    clock::Clock,
    jobs::JobError,
    queue::{Fault, Outcome},
};

/// Runs a job's code and says what came of it, or how it failed. The time limit counts from `begun`.
///
/// The code runs on a worker thread of the runtime: should it compute or block, the actors' thread
/// does not wait for it. Dropping this future ends it at its next `.await`.
pub(super) async fn attempt<T: Send + 'static>(
    work: BoxFuture<'static, Result<T, JobError>>,
    begun: Timestamp,
    limit: Duration,
    clock: &Clock,
    cancel: &CancellationToken,
) -> Result<T, Outcome> {
    let deadline = begun.saturating_add(limit).unwrap_or(Timestamp::MAX);
    let work = AbortOnDropHandle::new(tokio::spawn(work));
    tokio::select! {
        biased;
        ended = work => match ended {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(outcome_of(error)),
            Err(broken) => Err(failed(Fault::Panic, match broken.try_into_panic() {
                Ok(payload) => panic_message(payload.as_ref()).to_owned(),
                Err(broken) => broken.to_string(),
            })),
        },
        () = cancel.cancelled() => Err(Outcome::Cancelled { reason: "cancelled while it ran".into() }),
        () = clock.sleep_until(deadline) => Err(failed(Fault::Timeout, format!("still at work after {limit:?}"))),
    }
}

fn outcome_of(error: JobError) -> Outcome {
    match error {
        JobError::Failed(error) => failed(Fault::Error, chain(error.as_ref())),
        JobError::Hopeless(error) => Outcome::Hopeless { error },
        JobError::Cancel(reason) => Outcome::Cancelled { reason },
        JobError::Snooze(delay) => Outcome::Snoozed { delay },
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
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
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
