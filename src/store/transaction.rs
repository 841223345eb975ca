//! A transaction of the caller's own, in which jobs are enqueued beside whatever else the caller writes.

use diesel::prelude::*;
use diesel_async::SimpleAsyncConnection;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    ask::Ask,
    connection::{Db, Pg, limited},
    insert::{Enqueued, insert_jobs},
    postgres,
    sqlite::{self, Lite},
};
use crate::queue::NewJob;

/// A transaction under way.
pub struct Transaction<'a> {
    store: Store,
    connection: Connection<'a>,
    now: Timestamp,
}

/// The connection on which a transaction is under way; `on_connection!` puts one query to either.
pub enum Connection<'a> {
    Sqlite(&'a mut Lite),
    Postgres(&'a mut Pg),
}

/// Puts one diesel query to the connection of a transaction, whichever database it is.
///
/// The connections share no type, so the query is compiled once for each: it may only use what both know.
#[macro_export]
macro_rules! on_connection {
    ($transaction:expr, |$c:ident| $body:expr) => {
        match $transaction.connection() {
            $crate::store::Connection::Sqlite($c) => $body,
            $crate::store::Connection::Postgres($c) => $body,
        }
    };
}

impl Store {
    /// Does `work` in one transaction, which its error takes back.
    ///
    /// It has the time of any other transaction, and whoever drops the future takes everything back.
    pub async fn transaction<T, E>(
        &self,
        now: Timestamp,
        work: impl AsyncFnOnce(Transaction<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        macro_rules! transact {
            ($c:ident, $database:ident, $connection:path) => {{
                $database::begin($c).await?;
                let connection = $connection(&mut *$c);
                let answer = work(Transaction {
                    store: self.clone(),
                    connection,
                    now,
                })
                .await;
                if answer.is_ok() {
                    // Where a question failed, PostgreSQL takes all back and calls that a commit.
                    if let Err(error) = $c.batch_execute("SELECT 1").await {
                        $database::finish($c, false).await?;
                        return Err(StoreError::from(error));
                    }
                }
                $database::finish($c, answer.is_ok()).await?;
                Ok::<_, StoreError>(answer)
            }};
        }
        match &self.db {
            Db::Sqlite { write, .. } => limited!(self, write, Lite, |c| {
                transact!(c, sqlite, Connection::Sqlite)
            }),
            Db::Postgres(pool) => limited!(self, pool, Pg, |c| {
                transact!(c, postgres, Connection::Postgres)
            }),
        }
    }
}

impl Transaction<'_> {
    /// Enqueues jobs; they are there, and start, once the transaction is committed.
    pub async fn enqueue(&mut self, new: &[NewJob]) -> Result<Vec<Enqueued>, StoreError> {
        let now = self.now;
        let rows = match &mut self.connection {
            Connection::Sqlite(c) => insert_jobs!(self.store, c, new, now),
            Connection::Postgres(c) => insert_jobs!(self.store, c, new, now),
        };
        rows.into_iter().map(Enqueued::of).collect()
    }

    /// For the caller's own questions.
    pub fn connection(&mut self) -> Connection<'_> {
        match &mut self.connection {
            Connection::Sqlite(c) => Connection::Sqlite(c),
            Connection::Postgres(c) => Connection::Postgres(c),
        }
    }
}
