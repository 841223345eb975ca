//! The embedded migrations, brought to the database by `serve` and `migrate`.

#[cfg(feature = "fail-points")]
use diesel::connection::InstrumentationEvent;
use diesel::{
    backend::Backend,
    migration::{Migration, MigrationSource},
};
use diesel_async::{
    SimpleAsyncConnection, async_connection_wrapper::AsyncConnectionWrapper,
    pooled_connection::deadpool::Object,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{
    Store, StoreError,
    connection::{Db, Pg},
    sqlite::Lite,
};
use crate::fail_points;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// diesel's migrations know only connections that block.
type Blocking = AsyncConnectionWrapper<Pg>;

/// The key of the advisory lock that lets one instance migrate while the others wait.
const MIGRATION_LOCK: i64 = 0x6361_6461_7374_726f;

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
                connection
                    .batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))
                    .await?;
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
    // Between a migration's last statement and its commit diesel lets in nobody but those who listen.
    #[cfg(feature = "fail-points")]
    connection.set_instrumentation(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::CommitTransaction { .. } = event {
            fail_points::pass("migration.before_commit");
        }
    });
    for migration in &pending {
        fail_points::pass("migration.before");
        connection.run_migration(migration).map_err(failed)?;
        fail_points::pass("migration.after");
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
