//! What a kind of job must be able to do, and how it says that it could not.

use std::{error::Error, future::Future, time::Duration};

use super::Context;
use crate::{mail::Draft, queue::Job};

/// A job that does something, run by a TaskActor.
///
/// It may run a second time: a crash between its end and the record of it is not to be told
/// from a crash in its middle.
pub trait Task: Job {
    /// Does the work.
    fn run(self, cx: Context) -> impl Future<Output = Result<Done, JobError>> + Send;
}

/// A job that writes a letter, which an EmailActor sends.
pub trait Letter: Job {
    /// Writes the letter.
    fn compose(self, cx: Context) -> impl Future<Output = Result<Draft, JobError>> + Send;
}

/// A task is done; perhaps it has something to say to whoever asked for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// In the reader's language; cut after 64 KiB.
    pub result: Option<String>,
}

impl From<String> for Done {
    fn from(result: String) -> Self {
        Done {
            result: Some(result),
        }
    }
}

/// Why a job is not done.
///
/// In a job `?` means *try again later*; everything else is said outright.
#[derive(Debug)]
pub enum JobError {
    /// Another attempt may succeed.
    Failed(Box<dyn Error + Send + Sync>),
    /// Likewise, after this wait in the place of the policy's back-off; never later than after the longest that
    /// the policy has.
    Later {
        after: Duration,
        error: Box<dyn Error + Send + Sync>,
    },
    /// No attempt ever will: the job is discarded.
    Hopeless(String),
    /// It is no longer wanted.
    Cancel(String),
    /// Another job has done it, so that this one counts as done.
    DoneAlready,
    /// "Not now": try again later, without counting this attempt.
    Snooze(Duration),
}

impl JobError {
    /// Another attempt may succeed, after this wait in the place of the policy's back-off.
    pub fn retry_after(after: Duration, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        JobError::Later {
            after,
            error: error.into(),
        }
    }

    /// The job is no longer wanted, and why.
    pub fn cancel(reason: impl Into<String>) -> Self {
        JobError::Cancel(reason.into())
    }

    /// The job can never succeed, and why.
    pub fn hopeless(reason: impl Into<String>) -> Self {
        JobError::Hopeless(reason.into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for JobError {
    fn from(error: E) -> Self {
        JobError::Failed(Box::new(error))
    }
}
