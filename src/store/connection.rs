//! Connections to the two databases, and the macros that put one query text to both.
//!
//! diesel's connections share no type that a query could be written against once: the macros
//! [`read!`] and [`change!`] therefore expand a query's body once for each.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use data_encoding::HEXLOWER;
use diesel::{Connection, ConnectionError, SqliteConnection};
use diesel_async::{SimpleAsyncConnection, pooled_connection::deadpool::Pool};
use futures_util::FutureExt;
use tokio::{runtime::Handle, sync::broadcast};
use tokio_util::task::AbortOnDropHandle;

pub(super) use super::postgres::Pg;
use super::{
    MigrationClash, Migrations, MovedJob, StoreError,
    migrations::Trees,
    patience::LIMIT,
    pool::pool,
    postgres,
    presence::Presence,
    sqlite::{self, Lite},
    tls::Route,
};
use crate::{metrics::Metrics, queue::Keys};

/// SQLite lets one connection write at a time; a second writer would only wait.
const SQLITE_READERS: usize = 4;

/// How much news of followers waits for whoever is slow to hear it; what is older is forgotten.
const FOLLOWERS: usize = 1024;

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
    #[doc(hidden)]
    pub db: Db,
    pub(super) trees: Arc<Trees>,
    keys: Keys,
    /// The way to the PostgreSQL server, for a connection that no pool lends.
    pub(super) route: Option<Arc<Route>>,
    presence: Arc<Presence>,
    pub(super) followers: broadcast::Sender<MovedJob>,
    /// What keeps a database in memory alive while no other connection does.
    _anchor: Option<Arc<Mutex<SqliteConnection>>>,
}

#[doc(hidden)]
#[derive(Clone)]
pub enum Db {
    Sqlite {
        write: Pool<Lite>,
        read: Pool<Lite>,
        /// How often a connection to write was opened, or was to be.
        opened: Arc<AtomicU64>,
    },
    Postgres(Pool<Pg>),
}

impl Store {
    /// Opens the SQLite file at `path`, making it where there is none.
    ///
    /// Connections are made as they are needed; [`Store::migrate`] makes the first. They live on
    /// the runtime on which this is called, not on that of whoever first asks for one: a web
    /// worker's runtime ends before the last job is settled.
    pub fn sqlite(path: &Path, metrics: Metrics) -> Result<Self, StoreError> {
        Self::of_sqlite(path.to_string_lossy().into_owned(), metrics)
    }

    /// Makes a fresh SQLite database in this process's memory. It is gone with the last clone of the store.
    ///
    /// Its connections wait for each other as those to a file do, but for one thing: who reads waits for
    /// whoever writes. So nothing may be read past a transaction before that has ended.
    pub fn sqlite_in_memory(metrics: Metrics) -> Result<Self, StoreError> {
        let name = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let url = format!("file:/{name}?vfs=memdb");
        let anchor = SqliteConnection::establish(&url)
            .map_err(|error| StoreError::Unusable(error.to_string()))?;
        Ok(Store {
            _anchor: Some(Arc::new(Mutex::new(anchor))),
            ..Self::of_sqlite(url, metrics)?
        })
    }

    fn of_sqlite(path: String, metrics: Metrics) -> Result<Self, StoreError> {
        let home = Handle::current();
        let opened = Arc::new(AtomicU64::new(0));
        let open = move || sqlite::open(path.clone(), home.clone()).boxed();
        let (open_to_write, count) = (open.clone(), opened.clone());
        let open_to_write = move || {
            count.fetch_add(1, Ordering::Relaxed);
            open_to_write()
        };
        Ok(Store {
            db: Db::Sqlite {
                write: pool(1, open_to_write)?,
                read: pool(SQLITE_READERS, open)?,
                opened,
            },
            trees: Arc::new(Trees::ours()),
            keys: Keys::default(),
            route: None,
            presence: Arc::new(Presence::new(metrics)),
            followers: broadcast::Sender::new(FOLLOWERS),
            _anchor: None,
        })
    }

    /// Prepares a pool of connections to a PostgreSQL server; `sslmode` in the URL says how to encrypt.
    ///
    /// The connections live on the runtime on which this is called, as SQLite's do.
    pub fn postgres(url: &str, size: PoolSize, metrics: Metrics) -> Result<Self, StoreError> {
        let route = Arc::new(Route::parse(url)?);
        let (way, home) = (route.clone(), Handle::current());
        let pool = pool(size.0, move || {
            let (way, home) = (way.clone(), home.clone());
            async move {
                // A server that takes the call and says nothing must not gather tasks that wait.
                AbortOnDropHandle::new(home.spawn(async move { postgres::open(&way).await }))
                    .await
                    .map_err(|error| ConnectionError::BadConnection(error.to_string()))?
            }
            .boxed()
        })?;
        Ok(Store {
            db: Db::Postgres(pool),
            trees: Arc::new(Trees::ours()),
            keys: Keys::default(),
            route: Some(route),
            presence: Arc::new(Presence::new(metrics)),
            followers: broadcast::Sender::new(FOLLOWERS),
            _anchor: None,
        })
    }

    /// The same store, which brings these tables to its database as well, after ours.
    pub fn with_migrations(self, more: Migrations) -> Result<Self, MigrationClash> {
        Ok(Store {
            trees: Arc::new(Trees::clone(&self.trees).and(more)?),
            ..self
        })
    }

    /// The same store, which seals the secret arguments of jobs with these keys.
    pub fn with_keys(self, keys: Keys) -> Self {
        Store { keys, ..self }
    }

    /// What seals and opens the secret arguments of jobs.
    pub fn keys(&self) -> &Keys {
        &self.keys
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
            Db::Sqlite { write, read, .. } => (
                write.status().size + read.status().size,
                write.status().available + read.status().available,
            ),
            Db::Postgres(pool) => (pool.status().size, pool.status().available),
        };
        [("idle", idle), ("used", open.saturating_sub(idle))]
    }

    /// Takes note of what the database answered, whoever asked.
    #[doc(hidden)]
    pub fn note<T>(&self, answer: &Result<T, StoreError>) {
        self.presence.note(answer);
        if matches!(answer, Err(StoreError::Away(_))) {
            self.hang_up();
        }
    }

    /// Closes the connections of which nothing has been heard since before a question that failed.
    ///
    /// What made that one fall silent may have done so to them, and each would cost somebody the
    /// whole limit to find out. SQLite's have nothing between us and the file.
    fn hang_up(&self) {
        if let Db::Postgres(pool) = &self.db {
            pool.retain(|_, metrics| metrics.last_used() < LIMIT);
        }
    }

    /// Asks the database for nothing but an answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        read!(self, |c| c.batch_execute("SELECT 1").await)
    }
}

/// Puts one question to a connection for reading: `read!(store, |c| query(c).await)`.
///
/// The query is diesel's and expanded once for each database, so that it has to make sense to both.
#[macro_export]
macro_rules! read {
    ($store:expr, |$c:ident| $body:expr) => {
        match &$store.db {
            $crate::store::lent::Db::Sqlite { read, .. } => {
                $crate::limited!($store, read, $crate::store::lent::Lite, |$c| { $body })
            }
            $crate::store::lent::Db::Postgres(pool) => {
                $crate::limited!($store, pool, $crate::store::lent::Pg, |$c| $body)
            }
        }
    };
}

/// Runs one transaction: `change!(store, |c| { ..; Ok::<_, StoreError>(answer) })`.
#[macro_export]
macro_rules! change {
    ($store:expr, |$c:ident| $body:expr) => {
        match &$store.db {
            $crate::store::lent::Db::Sqlite { write, .. } => {
                $crate::limited!($store, write, $crate::store::lent::Lite, |conn| {
                    $crate::immediate!(conn, |$c| $body)
                })
            }
            $crate::store::lent::Db::Postgres(pool) => {
                $crate::limited!($store, pool, $crate::store::lent::Pg, |conn| {
                    $crate::store::lent::AsyncConnection::transaction(conn, async |$c| $body).await
                })
            }
        }
    };
}

/// Does `$body` in a transaction on an SQLite connection.
#[doc(hidden)]
#[macro_export]
macro_rules! immediate {
    ($connection:ident, |$c:ident| $body:expr) => {{
        $crate::store::lent::begin($connection).await?;
        let answer = async {
            let $c = &mut *$connection;
            $body
        }
        .await;
        $crate::store::lent::end($connection, answer).await
    }};
}

/// Does `$body` with a connection of `$pool`, for as long as the limit allows.
#[doc(hidden)]
#[macro_export]
macro_rules! limited {
    ($store:expr, $pool:expr, $connection:ty, |$c:ident| $body:expr) => {{
        let asked = async {
            let mut loan = $crate::store::lent::Loan::of($pool).await?;
            let answer = async {
                let $c: &mut $connection = loan.connection();
                $body
            }
            .await;
            let answer = answer.map_err($crate::store::StoreError::from);
            loan.give_back(&answer);
            answer
        };
        let left = $crate::store::lent::left();
        match $crate::store::lent::in_time(asked).await {
            // Others have had most of the time: that says nothing of the database.
            Err(late) if left < $crate::store::lent::LIMIT => Err(late),
            answer => {
                let answer = answer.and_then(|answer| answer);
                $store.note(&answer);
                answer
            }
        }
    }};
}

pub(super) use {change, immediate, limited, read};
