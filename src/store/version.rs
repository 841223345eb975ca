//! Which state the database is in: as long as that stays the same, so does every answer.

use std::sync::atomic::{AtomicU64, Ordering};

use diesel::{QueryResult, QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    connection::{Db, limited},
    sqlite::Lite,
};

/// A state of an SQLite database, as the connection sees it that does all our writing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Version {
    counts: Counts,
    /// The number of that connection: each counts anew.
    number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, QueryableByName)]
struct Counts {
    /// Another when somebody else has written.
    #[diesel(sql_type = BigInt)]
    data_version: i64,
    /// How many rows we have written.
    #[diesel(sql_type = BigInt)]
    total_changes: i64,
}

const COUNTS: &str =
    "SELECT data_version, total_changes() AS total_changes FROM pragma_data_version";

impl Store {
    /// The state that the database is in. `None` where nothing tells it: PostgreSQL keeps no count.
    ///
    /// One cheap statement, that reads no table.
    pub async fn version(&self) -> Result<Option<Version>, StoreError> {
        let Db::Sqlite { write, opened, .. } = &self.db else {
            return Ok(None);
        };
        let version = limited!(self, write, Lite, |c| {
            let counts: QueryResult<Counts> = sql_query(COUNTS).get_result(c).await;
            // While this connection is lent no other is opened.
            let number = AtomicU64::load(opened, Ordering::Relaxed);
            counts.map(|counts| Version { counts, number })
        })?;
        Ok(Some(version))
    }
}
