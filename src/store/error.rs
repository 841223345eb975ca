//! What can go wrong with the database, by what the caller can do about it.

use diesel::{
    ConnectionError,
    result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError},
};
use diesel_async::pooled_connection::{
    PoolError::ConnectionError as ConnectError, deadpool::PoolError,
};

/// A question or a transaction that had no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or takes no write from anybody. Try later: what was to be saved may
    /// have been, where only the answer was lost, but never in part.
    #[error("the database is away: {0}")]
    Away(String),
    /// Others wanted the same rows at the same moment, and the database let them go first. Nothing was
    /// saved: ask again.
    #[error("others were in the way: {0}")]
    Crossed(String),
    /// The row contradicts one that is already there.
    #[error("the row is there already: {0}")]
    Conflict(String),
    /// The database is well, and does not want this write: a check, a trigger, a number out of range. Nothing
    /// was saved. It will hardly want the same later; others it may take all the same.
    #[error("the database refuses this: {0}")]
    Refused(String),
    /// The database could not be opened, or lets nobody in under this URL: another try alone will not help.
    #[error("{0}")]
    Unusable(String),
    /// The program asked something that makes no sense: a fault of ours.
    #[error("the question to the database was wrong: {0}")]
    Fault(#[source] DieselError),
}

impl StoreError {
    /// All that [`StoreError::class`] may be.
    pub const CLASSES: [&str; 6] = [
        "away", "crossed", "conflict", "refused", "unusable", "fault",
    ];

    /// The value of the label `class` of `cadastro_db_errors_total`.
    pub fn class(&self) -> &'static str {
        match self {
            StoreError::Away(_) => "away",
            StoreError::Crossed(_) => "crossed",
            StoreError::Conflict(_) => "conflict",
            StoreError::Refused(_) => "refused",
            StoreError::Unusable(_) => "unusable",
            StoreError::Fault(_) => "fault",
        }
    }

    /// Whether it is about what was to be written: of many that share a transaction, others may be taken
    /// without it.
    pub fn is_about_the_rows(&self) -> bool {
        match self {
            StoreError::Conflict(_) | StoreError::Refused(_) | StoreError::Fault(_) => true,
            StoreError::Away(_) | StoreError::Crossed(_) | StoreError::Unusable(_) => false,
        }
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(kind, said) => judged(kind, &*said),
            DieselError::DeserializationError(_)
            | DieselError::SerializationError(_)
            | DieselError::QueryBuilderError(_)
            | DieselError::NotFound => StoreError::Fault(error),
            // The connection, or the transaction on it, is not what it was.
            other => StoreError::Away(other.to_string()),
        }
    }
}

/// What the database makes of a question.
fn judged(kind: DatabaseErrorKind, said: &dyn DatabaseErrorInformation) -> StoreError {
    use DatabaseErrorKind as Kind;
    let said = said.message().to_owned();
    match kind {
        Kind::UniqueViolation => StoreError::Conflict(said),
        Kind::SerializationFailure => StoreError::Crossed(said),
        Kind::UnableToSendCommand | Kind::ClosedConnection | Kind::ReadOnlyTransaction => {
            StoreError::Away(said)
        }
        Kind::ForeignKeyViolation
        | Kind::NotNullViolation
        | Kind::CheckViolation
        | Kind::RestrictViolation
        | Kind::ExclusionViolation => StoreError::Refused(said),
        _ => by_its_words(said),
    }
}

/// What diesel has no name for, and keeps the code of to itself.
///
/// Where a server speaks another language than English, an outage that is told in mid-question counts as a
/// refusal: that costs its question the right name, while the next finds the server gone.
fn by_its_words(said: String) -> StoreError {
    let says = |words: &&str| said.contains(*words);
    if says(&DEADLOCK) {
        StoreError::Crossed(said)
    } else if OUTAGES.iter().any(says) {
        StoreError::Away(said)
    } else {
        StoreError::Refused(said)
    }
}

/// PostgreSQL's word for it, in most of its languages.
const DEADLOCK: &str = "deadlock";

/// What the databases say where it is not about the question: whatever is asked now would fare no better.
const OUTAGES: [&str; 28] = [
    // SQLite: a lock that was not to be had, and what becomes of files.
    "database is locked",
    "database table is locked",
    "database schema is locked",
    "locking protocol",
    "database or disk is full",
    "attempt to write a readonly database",
    "disk I/O error",
    "unable to open database file",
    "database disk image is malformed",
    "file is not a database",
    "cannot rollback - no transaction is active",
    "cannot commit - no transaction is active",
    // PostgreSQL: told to give up, stopped, or without room.
    "canceling statement due to",
    "terminating connection",
    "the database system is",
    "too many clients",
    "remaining connection slots",
    "No space left on device",
    "could not extend file",
    "could not write to file",
    "could not read block",
    "could not open file",
    "could not fsync file",
    "Input/output error",
    "Read-only file system",
    "Disk quota exceeded",
    // Either.
    "out of memory",
    "out of shared memory",
];

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

#[cfg(test)]
mod tests {
    use super::*;

    /// As both databases tell of what diesel has no name for.
    fn told(said: &str) -> StoreError {
        let said = Box::new(said.to_owned());
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, said).into()
    }

    #[test]
    fn an_outage_is_told_from_what_is_about_the_rows() {
        for outage in [
            "database is locked",
            "database or disk is full",
            "canceling statement due to statement timeout",
            "terminating connection due to administrator command",
            "could not extend file \"base/16384/16397\": No space left on device",
        ] {
            assert!(matches!(told(outage), StoreError::Away(_)), "{outage}");
        }
        for refusal in ["integer out of range", "nobody may end this job"] {
            assert!(matches!(told(refusal), StoreError::Refused(_)), "{refusal}");
        }
        let crossed = told("deadlock detected");
        assert!(matches!(crossed, StoreError::Crossed(_)), "{crossed}");
        assert!(!crossed.is_about_the_rows());
    }
}
