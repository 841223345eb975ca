//! Memory: what must survive a power cut, in SQLite or PostgreSQL.
//!
//! Every method is one question or one transaction. Pages only ask; the actors write.

mod accounts;
mod connection;
mod error;
mod jobs;
mod leases;
mod letters;
mod migrate;
mod patience;
mod postgres;
mod queues;
mod reports;
mod rows;
mod schema;
mod sessions;
mod signups;
mod sole;
mod sqlite;
mod throttles;
mod tls;

pub use accounts::Credentials;
pub use connection::{PoolSize, Store};
pub use error::StoreError;
pub use jobs::{Progress, Settled};
pub use letters::{Letter, LetterSummary, NewLetter};
pub use patience::{in_time, sharing_one_limit};
pub use queues::QueueRow;
pub use reports::{AttemptRow, Cursor, JobCount, JobFilter, QueueLoad};
pub use rows::JobRow;
pub use sessions::Session;
pub use signups::{NewSignup, Receipt, SignedUp, SignupRefusal};
pub use sole::Sole;
