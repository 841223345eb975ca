//! What can go wrong with the database, by what the caller can do about it.

use diesel::{
    ConnectionError,
    result::{DatabaseErrorKind, Error as DieselError},
};
use diesel_async::pooled_connection::{
    PoolError::ConnectionError as ConnectError, deadpool::PoolError,
};

/// A question or a transaction that had no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or cannot take the write. Try later: what was to be saved may
    /// have been, where only the answer was lost, but never in part.
    #[error("the database is away: {0}")]
    Away(String),
    /// The row contradicts one that is already there.
    #[error("the row is there already: {0}")]
    Conflict(String),
    /// The database could not be opened, or lets nobody in under this URL: another try alone will not help.
    #[error("{0}")]
    Unusable(String),
    /// The program asked something that makes no sense: a fault of ours.
    #[error("the question to the database was wrong: {0}")]
    Fault(#[source] DieselError),
}

impl StoreError {
    /// All that [`StoreError::class`] may be.
    pub const CLASSES: [&str; 4] = ["away", "conflict", "unusable", "fault"];

    /// The value of the label `class` of `cadastro_db_errors_total`.
    pub fn class(&self) -> &'static str {
        match self {
            StoreError::Away(_) => "away",
            StoreError::Conflict(_) => "conflict",
            StoreError::Unusable(_) => "unusable",
            StoreError::Fault(_) => "fault",
        }
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind as Kind;
        match error {
            DieselError::DatabaseError(Kind::UniqueViolation, info) => {
                StoreError::Conflict(info.message().to_owned())
            }
            DieselError::DatabaseError(
                Kind::ForeignKeyViolation | Kind::NotNullViolation | Kind::CheckViolation,
                _,
            )
            | DieselError::DeserializationError(_)
            | DieselError::SerializationError(_)
            | DieselError::QueryBuilderError(_)
            | DieselError::NotFound => StoreError::Fault(error),
            // A lost connection, a full disk, a lock that was not to be had: diesel names few of
            // them, and for all of them the answer is the same.
            other => StoreError::Away(other.to_string()),
        }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(ConnectError(ConnectionError::InvalidConnectionUrl(why))) => {
                StoreError::Unusable(why)
            }
            // What the pool was about to do helps nobody.
            PoolError::Backend(error) => StoreError::Away(error.to_string()),
            error => StoreError::Away(error.to_string()),
        }
    }
}
