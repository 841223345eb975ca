//! Why an actor did not answer.

use std::time::Duration;

use actix::MailboxError;

use crate::store::StoreError;

/// A question to an actor that had no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Too many ask at once. Try again after a while.
    #[error("too many requests are waiting")]
    Busy,
    /// This visitor asks too often; how long to wait.
    #[error("too many tries; the next is due in {0:?}")]
    Throttled(Duration),
    /// The database does not answer, or the program stops. Try again later: what was to be saved may have been,
    /// where only the answer was lost, but never in part.
    #[error("{0}")]
    Away(String),
    /// The actor fell over the question, or the question was wrong: a fault of ours.
    #[error("{0}")]
    Fault(String),
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(_)
            | StoreError::Crossed(_)
            | StoreError::Unusable(_)
            | StoreError::Conflict(_) => AskError::Away(error.to_string()),
            StoreError::Refused(_) | StoreError::Fault(_) => AskError::Fault(error.to_string()),
        }
    }
}

impl From<MailboxError> for AskError {
    fn from(error: MailboxError) -> Self {
        match error {
            // The actor fell while it had the message, or has ended for good.
            MailboxError::Closed => AskError::Fault("the actor fell over this message".into()),
            MailboxError::Timeout => AskError::Busy,
        }
    }
}
