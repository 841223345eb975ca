//! Memory: what must survive a power cut, in SQLite or PostgreSQL.
//!
//! Every method is one question or one transaction, but for those that say otherwise. Pages only ask; the actors write.

mod accounts;
mod ask;
mod attempts;
mod batch;
mod browsers;
mod bulk;
mod claim;
mod connection;
mod crontab;
mod doubt;
mod error;
mod flows;
mod forget;
mod insert;
mod instances;
mod jobs;
mod leases;
mod letters;
mod literal;
mod many;
mod migrate;
mod migrations;
mod moves;
mod news;
mod patience;
mod pool;
mod postgres;
mod presence;
mod prune;
mod queues;
mod receipts;
mod reports;
mod rounds;
mod rows;
mod schema;
mod sessions;
mod settle;
mod signups;
mod sole;
mod sqlite;
mod stage;
mod steps;
mod take;
mod throttles;
mod tls;
mod transaction;
mod turn;
mod version;

pub use accounts::Credentials;
pub use attempts::{AttemptRow, Tries};
pub use bulk::{Move, Moved, MovedJob, Which};
pub use claim::{Claim, Wanted};
pub use connection::{PoolSize, Store};
pub use crontab::EntryRow;
pub use doubt::{IN_DOUBT, told};
pub use error::StoreError;
pub use flows::{Edge, FlowRows};
pub use insert::Enqueued;
pub use instances::{Asked, InstanceRow};
pub use jobs::SeenJobs;
pub use letters::{Letter, LetterSummary, NewLetter};
pub use migrations::{MigrationClash, Migrations};
pub use patience::{in_time, sharing_one_limit};
pub use queues::{QueueChange, QueueRow, Removal};
pub use receipts::Receipt;
pub use reports::{Cursor, JobCount, JobFilter, QueueLoad};
pub use rows::JobRow;
pub use sessions::{NewSession, NewToken, Session};
pub use settle::{Progress, Settled};
pub use signups::{FirstJobs, NewSignup, SignedUp, SignupRefusal};
pub use sole::Sole;
pub use transaction::{Connection, Transaction};
pub use turn::Shared;
pub use version::Version;
/// For the questions that a program which embeds cadastro puts within a transaction of ours.
pub use {diesel, diesel_async};
/// The connections of the two databases, for whoever writes a function that takes one.
pub use {postgres::Pg, sqlite::Lite};

/// What [`read!`](crate::read) and [`change!`](crate::change) are made of.
#[doc(hidden)]
pub mod lent {
    pub use diesel_async::AsyncConnection;

    pub use super::{
        connection::Db,
        patience::{LIMIT, in_time, left},
        pool::Loan,
        postgres::Pg,
        sqlite::{Lite, begin, end},
    };
}
