//! Connections to an SQLite file: each question blocks a thread of its own.

use std::error::Error;

use diesel::{
    Connection, ConnectionError, ConnectionResult, QueryResult, SqliteConnection,
    connection::{AnsiTransactionManager, TransactionManager},
    result::Error as DieselError,
};
use diesel_async::{
    SimpleAsyncConnection,
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};
use futures_util::{FutureExt, TryFutureExt, future::BoxFuture};
use tokio::runtime::Handle;

pub type Lite = SyncConnectionWrapper<SqliteConnection, Threads>;

/// The threads on which SQLite works: those of the runtime that opened the store.
///
/// diesel's own choice waits for the thread when a question is dropped in the middle, and panics
/// where a thread may not wait: under an actor, and under a web worker. Here the thread works on alone.
pub struct Threads(Handle);

impl SpawnBlocking for Threads {
    fn spawn_blocking<'a, R: Send + 'static>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync>>> {
        self.0.spawn_blocking(task).map_err(Box::from).boxed()
    }

    fn get_runtime() -> Self {
        Threads(Handle::current())
    }
}

/// Opens the file at `path`, making it where there is none.
pub(super) async fn open(path: String, home: Handle) -> ConnectionResult<Lite> {
    let connection = home
        .spawn_blocking(move || SqliteConnection::establish(&path))
        .await
        .map_err(|error| ConnectionError::BadConnection(error.to_string()))??;
    let mut connection = Lite::with_runtime(connection, Threads(home));
    // FULL: what was answered with success survives a power cut, not only a crash.
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 2000;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;",
        )
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Begins a transaction that may write.
///
/// IMMEDIATE: one that begins by reading and then wants to write would be refused at once if another
/// wrote in between.
pub async fn begin(connection: &mut Lite) -> QueryResult<()> {
    let begin = |c: &mut _| AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE");
    connection.spawn_blocking(begin).await
}

/// Commits a transaction that went well, and takes back any other.
pub async fn end<T, E: From<DieselError>>(
    connection: &mut Lite,
    answer: Result<T, E>,
) -> Result<T, E> {
    match finish(connection, answer.is_ok()).await {
        // SQLite takes back by itself what met a full disk. Why it did is what there is to tell.
        Err(_) if answer.is_err() => answer,
        Err(error) => Err(error.into()),
        Ok(()) => answer,
    }
}

/// Commits, or takes everything back.
pub(super) async fn finish(connection: &mut Lite, went_well: bool) -> QueryResult<()> {
    let end = move |c: &mut SqliteConnection| match went_well {
        true => AnsiTransactionManager::commit_transaction(c),
        false => AnsiTransactionManager::rollback_transaction(c),
    };
    connection.spawn_blocking(end).await
}
