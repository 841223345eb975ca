//! Connections to the two databases, and the macros that put one query text to both.
//!
//! diesel's connections share no type that a query could be written against once: the macros
//! [`read!`] and [`change!`] therefore expand a query's body once for each.

use std::{path::Path, time::Duration};

use deadpool::managed::Manager;
use diesel::{ConnectionError, ConnectionResult, SqliteConnection};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, PoolError, PoolableConnection,
        RecyclingMethod, deadpool::Pool,
    },
    sync_connection_wrapper::SyncConnectionWrapper,
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::runtime::Handle;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{StoreError, tls::Route};
use crate::metrics::Metrics;

pub(super) type Lite = SyncConnectionWrapper<SqliteConnection>;
pub(super) type Pg = AsyncPgConnection;

/// How long one question or transaction may take, from asking for a connection to the answer.
///
/// Short of the three seconds after which a page must have answered, whatever the database does.
pub(super) const LIMIT: Duration = Duration::from_millis(2500);

/// SQLite lets one connection write at a time; a second writer would only wait.
const SQLITE_READERS: usize = 4;

/// How many connections a PostgreSQL pool holds; SQLite needs no choice.
#[derive(Clone, Copy, Debug)]
pub struct PoolSize(pub usize);

impl Default for PoolSize {
    /// Well below PostgreSQL's default `max_connections` of 100, so that several instances fit.
    fn default() -> Self {
        PoolSize(10)
    }
}

/// The database, as every room above knows it. Clones share their connections.
#[derive(Clone)]
pub struct Store {
    pub(super) db: Db,
    metrics: Metrics,
}

#[derive(Clone)]
pub(super) enum Db {
    Sqlite { write: Pool<Lite>, read: Pool<Lite> },
    Postgres(Pool<Pg>),
}

impl Store {
    /// Opens the SQLite file at `path`, making it where there is none.
    ///
    /// Connections are made as they are needed; [`Store::migrate`] makes the first.
    pub fn sqlite(path: &Path, metrics: Metrics) -> Result<Self, StoreError> {
        let url = path.to_string_lossy().into_owned();
        Ok(Store {
            db: Db::Sqlite {
                write: pool(&url, 1, |url| open_sqlite(url.to_owned()).boxed())?,
                read: pool(&url, SQLITE_READERS, |url| {
                    open_sqlite(url.to_owned()).boxed()
                })?,
            },
            metrics,
        })
    }

    /// Prepares a pool of connections to a PostgreSQL server; `sslmode` in the URL says how to encrypt.
    ///
    /// The connections live on the runtime on which this is called, not on that of whoever
    /// first asks for one: a web worker's runtime ends before the last job is settled.
    pub fn postgres(url: &str, size: PoolSize, metrics: Metrics) -> Result<Self, StoreError> {
        let Route { config, tls } = Route::parse(url)?;
        let home = Handle::current();
        let pool = pool(url, size.0, move |_| {
            let (config, tls, home) = (config.clone(), tls.clone(), home.clone());
            async move {
                home.spawn(open_postgres(config, tls))
                    .await
                    .map_err(|error| ConnectionError::BadConnection(error.to_string()))?
            }
            .boxed()
        })?;
        Ok(Store {
            db: Db::Postgres(pool),
            metrics,
        })
    }

    /// The value of the label `database` of `cadastro_build_info`.
    pub fn database(&self) -> &'static str {
        match self.db {
            Db::Sqlite { .. } => "sqlite",
            Db::Postgres(_) => "postgres",
        }
    }

    /// How many connections are idle, and how many are in use.
    pub fn connections(&self) -> [(&'static str, usize); 2] {
        let (open, idle) = match &self.db {
            Db::Sqlite { write, read } => (
                write.status().size + read.status().size,
                write.status().available + read.status().available,
            ),
            Db::Postgres(pool) => (pool.status().size, pool.status().available),
        };
        [("idle", idle), ("used", open.saturating_sub(idle))]
    }

    /// Counts what the database answered, whoever asked.
    pub(super) fn note<T>(&self, answer: &Result<T, StoreError>) {
        if let Err(error) = answer {
            self.metrics.db_error(error.class());
        }
        let away = matches!(answer, Err(StoreError::Away(_)));
        self.metrics.db_up.set(i64::from(!away));
    }

    /// Asks the database for nothing but an answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        read!(self, |c| c.batch_execute("SELECT 1").await)
    }
}

/// Puts one question to a connection for reading: `read!(store, |c| query(c).await)`.
macro_rules! read {
    ($store:expr, |$c:ident| $body:expr) => {
        match &$store.db {
            $crate::store::connection::Db::Sqlite { read, .. } => {
                $crate::store::connection::limited!(
                    $store,
                    read,
                    $crate::store::connection::Lite,
                    |$c| { $body }
                )
            }
            $crate::store::connection::Db::Postgres(pool) => {
                $crate::store::connection::limited!(
                    $store,
                    pool,
                    $crate::store::connection::Pg,
                    |$c| $body
                )
            }
        }
    };
}

/// Runs one transaction: `change!(store, |c| { ..; Ok::<_, StoreError>(answer) })`.
///
/// On SQLite it begins IMMEDIATE: one that begins by reading and then wants to write would be
/// refused at once if another wrote in between.
macro_rules! change {
    ($store:expr, |$c:ident| $body:expr) => {
        match &$store.db {
            $crate::store::connection::Db::Sqlite { write, .. } => {
                $crate::store::connection::limited!(
                    $store,
                    write,
                    $crate::store::connection::Lite,
                    |conn| conn.immediate_transaction(async |$c| $body).await
                )
            }
            $crate::store::connection::Db::Postgres(pool) => {
                $crate::store::connection::limited!(
                    $store,
                    pool,
                    $crate::store::connection::Pg,
                    |conn| {
                        diesel_async::AsyncConnection::transaction(conn, async |$c| $body).await
                    }
                )
            }
        }
    };
}

/// Does `$body` with a connection of `$pool`, for as long as [`LIMIT`] allows.
///
/// A connection that did not answer in time is closed: its next user would wait behind the
/// question that nobody waits for any more.
macro_rules! limited {
    ($store:expr, $pool:expr, $connection:ty, |$c:ident| $body:expr) => {{
        let deadline = tokio::time::Instant::now() + $crate::store::connection::LIMIT;
        let answer = match tokio::time::timeout_at(deadline, $pool.get()).await {
            Err(_) => Err($crate::store::connection::too_slow()),
            Ok(Err(error)) => Err($crate::store::StoreError::from(error)),
            Ok(Ok(mut guard)) => {
                let answer = tokio::time::timeout_at(deadline, async {
                    let $c: &mut $connection = &mut guard;
                    $body
                })
                .await;
                match answer {
                    Ok(answer) => answer.map_err($crate::store::StoreError::from),
                    Err(_) => {
                        drop(diesel_async::pooled_connection::deadpool::Object::take(
                            guard,
                        ));
                        Err($crate::store::connection::too_slow())
                    }
                }
            }
        };
        $store.note(&answer);
        answer
    }};
}

pub(super) use {change, limited, read};

pub(super) fn too_slow() -> StoreError {
    StoreError::Away(format!("no answer within {LIMIT:?}"))
}

fn pool<C>(
    url: &str,
    size: usize,
    connect: impl Fn(&str) -> BoxFuture<ConnectionResult<C>> + Send + Sync + 'static,
) -> Result<Pool<C>, StoreError>
where
    C: PoolableConnection + Send + 'static,
    AsyncDieselConnectionManager<C>: Manager<Type = C, Error = PoolError>,
{
    let mut config = ManagerConfig::default();
    // The default asks a question before each question. A connection that has died is noticed
    // without it, and one that dies under a question is thrown away after it.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(connect);
    Pool::builder(AsyncDieselConnectionManager::new_with_config(url, config))
        .max_size(size)
        .build()
        .map_err(|error| StoreError::Unusable(error.to_string()))
}

async fn open_sqlite(path: String) -> ConnectionResult<Lite> {
    let mut connection = Lite::establish(&path).await?;
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

async fn open_postgres(
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
) -> ConnectionResult<Pg> {
    let (client, connection) = config
        .connect(tls)
        .await
        .map_err(|error| ConnectionError::BadConnection(chain(&error)))?;
    Pg::try_from_client_and_connection(client, connection).await
}

/// tokio-postgres says only "error connecting to server" and keeps the reason to its source.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
