//! Connections to an SQLite file: each question, or a whole transaction, blocks a thread of its own.

use std::{error::Error, panic, sync::Arc};

use diesel::{
    Connection, ConnectionError, ConnectionResult, QueryResult, SqliteConnection,
    connection::{AnsiTransactionManager, TransactionManager},
    result::Error as DieselError,
};
use diesel_async::{
    SimpleAsyncConnection,
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::runtime::Handle;

use super::StoreError;

pub type Lite = SyncConnectionWrapper<SqliteConnection, Threads>;

/// The threads on which SQLite works: those of the runtime that opened the store.
///
/// diesel's own choice waits for the thread when a question is dropped in the middle, and panics
/// where a thread may not wait: under an actor, and under a web worker. Here the thread works on alone. Where it
/// panics, so does whoever asked.
pub struct Threads(Handle);

impl SpawnBlocking for Threads {
    fn spawn_blocking<'a, R: Send + 'static>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync>>> {
        let done = self.0.spawn_blocking(task);
        done.map(|done| match done {
            Err(fallen) if fallen.is_panic() => panic::resume_unwind(fallen.into_panic()),
            done => done.map_err(Box::from),
        })
        .boxed()
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

/// IMMEDIATE: one that begins by reading and then wants to write would be refused at once if another
/// wrote in between.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Begins a transaction that may write.
pub async fn begin(connection: &mut Lite) -> QueryResult<()> {
    let begin = |c: &mut _| AnsiTransactionManager::begin_transaction_sql(c, BEGIN);
    connection.spawn_blocking(begin).await
}

/// Does a whole transaction on a thread of SQLite's; `work` waits for nothing but the connection.
///
/// Dropped in the middle, it still takes everything back, unless it has come to the commit.
pub(super) async fn visit<T: Send + 'static>(
    connection: &mut Lite,
    work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let asked = Arc::new(());
    let wanted = Arc::downgrade(&asked);
    let visit = move |c: &mut SqliteConnection| {
        AnsiTransactionManager::begin_transaction_sql(c, BEGIN)?;
        let answer = work(c).now_or_never().unwrap_or_else(|| {
            let waits = "a transaction on SQLite's thread waits for something else";
            Err(StoreError::Unusable(waits.to_owned()))
        });
        let well = answer.is_ok() && wanted.strong_count() > 0;
        Ok(match finish_here(c, well) {
            Err(_) if answer.is_err() => answer,
            Err(error) => Err(error.into()),
            Ok(()) => answer,
        })
    };
    let answer = connection.spawn_blocking(visit).await?;
    drop(asked);
    answer
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
    let end = move |c: &mut SqliteConnection| finish_here(c, went_well);
    connection.spawn_blocking(end).await
}

fn finish_here(connection: &mut SqliteConnection, went_well: bool) -> QueryResult<()> {
    match went_well {
        true => AnsiTransactionManager::commit_transaction(connection),
        false => AnsiTransactionManager::rollback_transaction(connection),
    }
}
