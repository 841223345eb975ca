//! Memory: what must survive a power cut, in SQLite or PostgreSQL.
//!
//! Every method is one question or one transaction. Pages only ask; the actors write.

mod accounts;
mod attempts;
mod batch;
mod browsers;
mod bulk;
mod connection;
mod doubt;
mod error;
mod forget;
mod insert;
mod instances;
mod jobs;
mod leases;
mod letters;
mod many;
mod migrate;
mod moves;
mod news;
mod patience;
mod postgres;
mod presence;
mod queues;
mod receipts;
mod reports;
mod rows;
mod schema;
mod sessions;
mod settle;
mod signups;
mod sole;
mod sqlite;
mod throttles;
mod tls;
mod transaction;

pub use accounts::Credentials;
pub use attempts::{AttemptRow, Tries};
pub use bulk::{Move, Moved, MovedJob, Which};
pub use connection::{PoolSize, Store};
pub use doubt::IN_DOUBT;
pub use error::StoreError;
pub use insert::Enqueued;
pub use instances::InstanceRow;
pub use jobs::SeenJobs;
pub use letters::{Letter, LetterSummary, NewLetter};
pub use patience::{in_time, sharing_one_limit};
pub use queues::QueueRow;
pub use receipts::Receipt;
pub use reports::{Cursor, JobCount, JobFilter, QueueLoad};
pub use rows::JobRow;
pub use sessions::{NewSession, NewToken, Session};
pub use settle::{Progress, Settled};
pub use signups::{NewSignup, SignedUp, SignupRefusal};
pub use sole::Sole;
pub use transaction::{Connection, Transaction};
/// For the questions that a program which embeds cadastro puts within a transaction of ours.
pub use {diesel, diesel_async};
/// The connections of the two databases, for whoever writes a function that takes one.
pub use {postgres::Pg, sqlite::Lite};
