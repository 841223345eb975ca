//! The migrations, brought to the database by `serve` and `migrate`.

use std::time::Duration;

use deadpool::managed::{self, Manager};
#[cfg(feature = "fail-points")]
use diesel::connection::InstrumentationEvent;
use diesel::{backend::Backend, migration::Migration, sql_types::Bool};
use diesel_async::{
    RunQueryDsl, async_connection_wrapper::AsyncConnectionWrapper, pooled_connection::PoolError,
};
use diesel_migrations::MigrationHarness;
use tokio::time::{Instant, sleep};

use super::{
    Store, StoreError,
    connection::{Db, Pg},
    migrations::Tree,
    patience::in_time,
    postgres,
    sqlite::Lite,
};
use crate::fail_points;

/// diesel's migrations know only connections that block.
type Blocking = AsyncConnectionWrapper<Pg>;

/// The key of the advisory lock that lets one instance migrate while the others wait.
const MIGRATION_LOCK: i64 = 0x6361_6461_7374_726f;

/// How long a program that starts waits for its database. After a power cut both start at once; and a
/// service manager that counts starts (systemd: five in ten seconds) does not give up on one that waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// How soon a server that is not there yet is called again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long another instance may migrate before this one gives up: longer than any table should take.
const TURN: Duration = Duration::from_secs(30 * 60);

/// How soon the lock is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(250);

impl Store {
    /// Applies what is pending and returns the names of what was applied.
    ///
    /// Once the database has been reached, this waits as long as it takes: on a large table a
    /// migration may work for minutes.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        match &self.db {
            Db::Sqlite { write, .. } => {
                let mut connection: Lite = connected(write).await?;
                let trees = self.trees.sqlite.clone();
                connection
                    .spawn_blocking(move |connection| Ok(apply(connection, &trees)))
                    .await?
            }
            Db::Postgres(pool) => {
                let mut connection: Pg = connected(pool).await?;
                postgres::unbind(&mut connection).await?;
                lock(&mut connection).await?;
                // The lock ends with the connection, which is not given back to the pool.
                let trees = self.trees.postgres.clone();
                blocking(move || apply(&mut Blocking::from(connection), &trees)).await?
            }
        }
    }

    /// Likewise, but waits for a server that is not there yet: half a minute.
    pub async fn migrate_once_there(&self) -> Result<Vec<String>, StoreError> {
        let begun = Instant::now();
        let mut told = false;
        loop {
            match self.migrate().await {
                Err(StoreError::Away(why))
                    if matches!(self.db, Db::Postgres(_)) && begun.elapsed() < PATIENCE =>
                {
                    if !std::mem::replace(&mut told, true) {
                        let seconds = PATIENCE.as_secs();
                        tracing::warn!(
                            error = why,
                            seconds,
                            "the database is away; it is waited for"
                        );
                    }
                    sleep(AGAIN).await;
                }
                answer => return answer,
            }
        }
    }

    /// The names of the migrations that the database still lacks.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        match &self.db {
            Db::Sqlite { write, .. } => {
                let mut connection: Lite = connected(write).await?;
                let trees = self.trees.sqlite.clone();
                connection
                    .spawn_blocking(move |connection| Ok(pending(connection, &trees)))
                    .await?
            }
            Db::Postgres(pool) => {
                let connection: Pg = connected(pool).await?;
                let trees = self.trees.postgres.clone();
                blocking(move || pending(&mut Blocking::from(connection), &trees)).await?
            }
        }
    }
}

/// A connection that is not given back to the pool.
async fn connected<M>(pool: &managed::Pool<M>) -> Result<M::Type, StoreError>
where
    M: Manager<Error = PoolError>,
{
    Ok(managed::Object::take(in_time(pool.get()).await??))
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
        if in_time(asked).await?? {
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

fn apply<C>(connection: &mut C, trees: &[Tree]) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<C::Backend> + diesel::Connection,
{
    let failed = |error| StoreError::Unusable(format!("a migration failed: {error}"));
    let pending = lacking(connection, trees).map_err(failed)?;
    // Between a migration's last statement and its commit diesel lets in nobody but those who listen.
    #[cfg(feature = "fail-points")]
    connection.set_instrumentation(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::CommitTransaction { .. } = event {
            fail_points::pass!("migration.before_commit");
        }
    });
    for migration in &pending {
        fail_points::pass!("migration.before");
        connection.run_migration(migration).map_err(failed)?;
        fail_points::pass!("migration.after");
    }
    Ok(names(&pending))
}

fn pending<C>(connection: &mut C, trees: &[Tree]) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<C::Backend> + diesel::Connection,
{
    lacking(connection, trees)
        .map(|pending| names(&pending))
        .map_err(|error| StoreError::Unusable(format!("the migrations cannot be read: {error}")))
}

/// What is to be applied: each program's by its versions, one program after the other.
fn lacking<C>(
    connection: &mut C,
    trees: &[Tree],
) -> diesel::migration::Result<Vec<Box<dyn Migration<C::Backend>>>>
where
    C: MigrationHarness<C::Backend> + diesel::Connection,
{
    let mut lacking = Vec::new();
    for tree in trees {
        lacking.extend(connection.pending_migrations(tree.clone())?);
    }
    Ok(lacking)
}

fn names<DB: Backend>(migrations: &[Box<dyn Migration<DB>>]) -> Vec<String> {
    let names = migrations.iter().map(|migration| migration.name());
    names.map(|name| name.to_string()).collect()
}
