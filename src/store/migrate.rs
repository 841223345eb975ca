//! The embedded migrations, brought to the database by `serve` and `migrate`.

use std::time::{Duration, Instant};

use diesel::{
    backend::Backend,
    migration::{Migration, MigrationSource},
    sql_types::Bool,
};
use diesel_async::{
    RunQueryDsl, async_connection_wrapper::AsyncConnectionWrapper,
    pooled_connection::deadpool::Object,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::time::{sleep, timeout};

use super::{
    Store, StoreError,
    connection::{Db, Pg},
    sqlite::Lite,
};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// diesel's migrations know only connections that block.
type Blocking = AsyncConnectionWrapper<Pg>;

/// The key of the advisory lock that lets one instance migrate while the others wait.
const MIGRATION_LOCK: i64 = 0x6361_6461_7374_726f;

/// How long another instance may migrate before this one gives up: longer than any table should take.
const TURN: Duration = Duration::from_secs(30 * 60);

/// How soon the lock is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// How long the server may take to say whether the lock is free.
const ANSWER: Duration = Duration::from_secs(5);

impl Store {
    /// Applies what is pending and returns the names of what was applied.
    ///
    /// Waits as long as it takes: on a large table a migration may work for minutes.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        match &self.db {
            Db::Sqlite { write, .. } => {
                let mut connection: Lite = Object::take(write.get().await?);
                connection
                    .spawn_blocking(|connection| Ok(apply(connection, SQLITE)))
                    .await?
            }
            Db::Postgres(pool) => {
                let mut connection: Pg = Object::take(pool.get().await?);
                lock(&mut connection).await?;
                // The lock ends with the connection, which is not given back to the pool.
                blocking(move || apply(&mut Blocking::from(connection), POSTGRES)).await?
            }
        }
    }

    /// The names of the migrations that the database still lacks.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        match &self.db {
            Db::Sqlite { write, .. } => {
                let mut connection: Lite = Object::take(write.get().await?);
                connection
                    .spawn_blocking(|connection| Ok(pending(connection, SQLITE)))
                    .await?
            }
            Db::Postgres(pool) => {
                let connection: Pg = Object::take(pool.get().await?);
                blocking(move || pending(&mut Blocking::from(connection), POSTGRES)).await?
            }
        }
    }
}

/// Waits for its turn to migrate, and says so.
///
/// It asks again and again instead of waiting for the lock: a server that has fallen silent looks like a
/// lock that is held.
async fn lock(connection: &mut Pg) -> Result<(), StoreError> {
    let begun = Instant::now();
    let mut told = false;
    let question = format!("pg_try_advisory_lock({MIGRATION_LOCK})");
    loop {
        let asked = diesel::select(diesel::dsl::sql::<Bool>(&question)).get_result(connection);
        let silent = |_| StoreError::Away(format!("no answer within {ANSWER:?}"));
        if timeout(ANSWER, asked).await.map_err(silent)?? {
            return Ok(());
        }
        if begun.elapsed() > TURN {
            let minutes = TURN.as_secs() / 60;
            return Err(StoreError::Unusable(format!(
                "another instance has been migrating the database for {minutes} minutes; see what it does there"
            )));
        }
        if !std::mem::replace(&mut told, true) {
            // Not as the store: of an outage a command says enough in its answer, of this nothing.
            tracing::warn!(target: "cadastro::migrate", "another instance migrates the database; it is waited for");
        }
        sleep(ASK_AGAIN).await;
    }
}

/// diesel's migrations block, and need a thread on which they may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Unusable(format!("the migration broke off: {error}")))
}

fn apply<C>(connection: &mut C, source: EmbeddedMigrations) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<C::Backend> + diesel::Connection,
    EmbeddedMigrations: MigrationSource<C::Backend>,
{
    let failed = |error| StoreError::Unusable(format!("a migration failed: {error}"));
    let pending = connection.pending_migrations(source).map_err(failed)?;
    for migration in &pending {
        connection.run_migration(migration).map_err(failed)?;
    }
    Ok(names(&pending))
}

fn pending<C>(connection: &mut C, source: EmbeddedMigrations) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<C::Backend> + diesel::Connection,
    EmbeddedMigrations: MigrationSource<C::Backend>,
{
    connection
        .pending_migrations(source)
        .map(|pending| names(&pending))
        .map_err(|error| StoreError::Unusable(format!("the migrations cannot be read: {error}")))
}

fn names<DB: Backend>(migrations: &[Box<dyn Migration<DB>>]) -> Vec<String> {
    let names = migrations.iter().map(|migration| migration.name());
    names.map(|name| name.to_string()).collect()
}
