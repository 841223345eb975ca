//! Every error to a status: the one mapping. What a visitor or a program then reads of it is made
//! in `failure`.

use std::{error::Error as StdError, time::Duration};

use actix_web::{ResponseError, http::StatusCode};
use tokio::task::JoinError;

use crate::{
    account::FieldError,
    actors::{AskError, EditError, EnqueueError, LogInError, SignUpError},
    jobs::Unfit,
    store::StoreError,
    telemetry::panic_message,
    text::TextError,
};

/// How soon to come back when too many ask at once.
const BUSY: Duration = Duration::from_secs(2);

/// How soon to come back when the database is away: it may take a while, and is missed.
const AWAY: Duration = Duration::from_secs(5);

/// A request that is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// It cannot be read; what is wrong with it, for whoever wrote the program that sent it.
    #[error("{0}")]
    Unreadable(String),
    /// Only somebody who is logged in, or a program with the token, gets this.
    #[error("this needs a log-in or a token")]
    Unknown,
    /// A token that is not the operator's.
    #[error("the token is wrong")]
    WrongToken,
    /// Whoever asks is known, and not allowed.
    #[error("this is for operators")]
    Forbidden,
    /// Another site sent the visitor's browser here.
    #[error("the request came from another site")]
    CrossSite,
    #[error("there is nothing at this address")]
    NotFound,
    /// The methods that the address takes.
    #[error("this address takes {0}")]
    Method(String),
    /// What is asked for does not go together with how things stand.
    #[error("{0}")]
    Conflict(String),
    #[error("the content did not arrive in time")]
    TooSlow,
    #[error("the content is too large")]
    TooLarge,
    /// The content type that the address takes.
    #[error("the content type has to be {0}")]
    MediaType(&'static str),
    /// Fields of a sign-up that are wrong.
    #[error("{} fields are wrong", .0.len())]
    Fields(Vec<FieldError>),
    /// The idempotency key came before, with other data.
    #[error("the idempotency key belongs to another sign-up")]
    KeyReused,
    /// Arguments of an operator's request that are wrong.
    #[error("{} arguments are wrong", .0.len())]
    Arguments(Vec<Argument>),
    /// No such user, or another password.
    #[error("the name or the password is wrong")]
    WrongPassword,
    /// How long to wait.
    #[error("too many tries; the next is due in {0:?}")]
    Throttled(Duration),
    #[error("too many ask at once")]
    Busy,
    /// The database does not answer, or the program stops; what was to be saved may have been, if whole.
    #[error("{0}")]
    Away(String),
    /// A fault of ours.
    #[error("{0}")]
    Fault(#[source] Box<dyn StdError + Send + Sync>),
    /// What actix-web itself refuses.
    #[error("refused with {0}")]
    Other(StatusCode),
}

/// What is wrong with one argument of an operator's request; in English, like the rest of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its name, as `jobs[3].kind`.
    pub field: String,
    pub code: &'static str,
    pub message: String,
}

impl Argument {
    /// An argument that is wrong.
    pub fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Argument {
            field: field.to_owned(),
            code,
            message: message.into(),
        }
    }
}

impl ResponseError for WebError {
    fn status_code(&self) -> StatusCode {
        match self {
            WebError::Unreadable(_) => StatusCode::BAD_REQUEST,
            WebError::Unknown | WebError::WrongToken => StatusCode::UNAUTHORIZED,
            WebError::Forbidden | WebError::CrossSite => StatusCode::FORBIDDEN,
            WebError::NotFound => StatusCode::NOT_FOUND,
            WebError::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            WebError::Conflict(_) => StatusCode::CONFLICT,
            WebError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            WebError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            WebError::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            WebError::Fields(_)
            | WebError::KeyReused
            | WebError::Arguments(_)
            | WebError::WrongPassword => StatusCode::UNPROCESSABLE_ENTITY,
            WebError::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            WebError::Busy | WebError::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
            WebError::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
            WebError::Other(status) => *status,
        }
    }
}

impl WebError {
    /// Whole seconds after which another try makes sense: the value of `Retry-After`.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            WebError::Throttled(wait) => Some(whole_seconds(*wait)),
            WebError::Busy => Some(whole_seconds(BUSY)),
            WebError::Away(_) => Some(whole_seconds(AWAY)),
            _ => None,
        }
    }

    /// A fault that has no error of its own.
    pub fn fault(what: impl Into<String>) -> Self {
        WebError::Fault(what.into().into())
    }
}

/// Rounded up, and at least one: whoever comes back then does not come too early.
pub fn whole_seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(begun).max(1)
}

impl From<AskError> for WebError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Busy => WebError::Busy,
            AskError::Throttled(wait) => WebError::Throttled(wait),
            AskError::Away(why) => WebError::Away(why),
            AskError::Fault(_) => WebError::Fault(error.into()),
        }
    }
}

impl From<Unfit> for WebError {
    fn from(error: Unfit) -> Self {
        WebError::Arguments(vec![error.into()])
    }
}

impl From<Unfit> for Argument {
    fn from(error: Unfit) -> Self {
        let (field, code) = match &error {
            Unfit::Name { .. } => ("kind", "unknown"),
            Unfit::Args { .. } | Unfit::Refused { .. } => ("args", "invalid"),
            Unfit::TooLarge { .. } => ("args", "too_large"),
            Unfit::Key => ("limit_key", "out_of_range"),
            Unfit::Queue(_) => ("queue", "invalid"),
            Unfit::Sealed { .. } | Unfit::InCrontab { .. } => ("args", "sealed"),
        };
        Argument::new(field, code, error.to_string())
    }
}

impl From<EnqueueError> for WebError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Unfit(error) => error.into(),
            EnqueueError::Ask(error) => error.into(),
        }
    }
}

impl From<EditError> for WebError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::None(_) => WebError::NotFound,
            EditError::NotWaiting(..) => WebError::Conflict(error.to_string()),
            EditError::Unfit(error) => error.into(),
            EditError::Ask(error) => error.into(),
        }
    }
}

impl From<SignUpError> for WebError {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::UsernameTaken => WebError::Fields(vec![FieldError::username_taken()]),
            SignUpError::KeyReused => WebError::KeyReused,
            SignUpError::Ask(error) => error.into(),
        }
    }
}

impl From<LogInError> for WebError {
    fn from(error: LogInError) -> Self {
        match error {
            LogInError::Wrong => WebError::WrongPassword,
            LogInError::Ask(error) => error.into(),
        }
    }
}

impl From<StoreError> for WebError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(_) | StoreError::Crossed(_) | StoreError::Unusable(_) => {
                WebError::Away(error.to_string())
            }
            StoreError::Conflict(_) | StoreError::Refused(_) | StoreError::Fault(_) => {
                WebError::Fault(error.into())
            }
        }
    }
}

impl From<JoinError> for WebError {
    fn from(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(panic) => WebError::fault(format!("panicked: {}", panic_message(&*panic))),
            Err(_) => WebError::Away("the program stops".to_owned()),
        }
    }
}

impl From<TextError> for WebError {
    fn from(error: TextError) -> Self {
        WebError::Fault(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
        let told = |wait| WebError::Throttled(wait).retry_after();
        assert_eq!(told(Duration::ZERO), Some(1));
        assert_eq!(told(Duration::from_millis(999)), Some(1));
        assert_eq!(told(Duration::from_secs(2)), Some(2));
        assert_eq!(told(Duration::from_millis(2001)), Some(3));
    }

    #[test]
    fn whoever_may_come_back_is_told_when_and_nobody_else() {
        for (error, status) in [
            (WebError::Throttled(AWAY), 429),
            (WebError::Busy, 503),
            (WebError::Away("gone".into()), 503),
        ] {
            assert_eq!(error.status_code().as_u16(), status);
            assert!(error.retry_after().is_some(), "{error}");
        }
        assert_eq!(WebError::fault("odd").retry_after(), None);
    }
}
