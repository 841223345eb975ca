//! Connections to a PostgreSQL server.

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{
    AnsiTransactionManager, AsyncPgConnection, SimpleAsyncConnection, TransactionManager,
};
use tokio_postgres::error::SqlState;

use super::{patience::LIMIT, tls::Route};

pub type Pg = AsyncPgConnection;

/// Why a server that is well lets nobody in: another name, password or database has to be given.
const OURS_TO_MEND: [SqlState; 3] = [
    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
    SqlState::INVALID_PASSWORD,
    SqlState::INVALID_CATALOG_NAME,
];

/// Calls the server.
///
/// Whoever gave up a question closes the connection, of which a server that waits for a lock, or for
/// the rest of a transaction, takes no notice. So it is told to give up by itself: else what nobody
/// asks for any more would hold its locks, and its place among the server's connections.
pub(super) async fn open(route: &Route) -> ConnectionResult<Pg> {
    let (client, connection) = route
        .config
        .connect(route.tls.clone())
        .await
        .map_err(|error| match error.code() {
            Some(code) if OURS_TO_MEND.contains(code) => {
                ConnectionError::InvalidConnectionUrl(chain(&error))
            }
            _ => ConnectionError::BadConnection(chain(&error)),
        })?;
    let mut connection = Pg::try_from_client_and_connection(client, connection).await?;
    connection
        .batch_execute(&format!("{};{INDEXES_FIRST}", limits(LIMIT.as_millis())))
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Has the planner look into an index wherever there is one, unless the operator has said whether it is to.
///
/// A connection keeps the plans of its first moments, those of the checks of foreign keys among them, of which nobody
/// writes the text. Where a table was counted while it was all but empty, they read it from end to end, and go on to do
/// so until it is counted anew, a minute later: however many sign up in that minute.
///
/// Up to PostgreSQL 17, what has no index costs the planner ten billion then. For less than that it would compile the
/// question, which takes forty milliseconds: so `jit` goes along.
const INDEXES_FIRST: &str = "SELECT set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false) \
     FROM pg_settings WHERE name = 'enable_seqscan' AND source = 'default'";

/// Lets a connection work for as long as it takes, by whatever plan the server thinks best: a migration reads whole tables.
pub(super) async fn unbind(connection: &mut Pg) -> diesel::QueryResult<()> {
    let settings = format!("{}; RESET enable_seqscan; RESET jit", limits(0));
    connection.batch_execute(&settings).await
}

/// The statements that let others work, and a transaction pause, for so many milliseconds; 0: for ever.
fn limits(milliseconds: u128) -> String {
    format!(
        "SET statement_timeout = {milliseconds};
         SET idle_in_transaction_session_timeout = {milliseconds}"
    )
}

/// Begins a transaction.
pub(super) async fn begin(connection: &mut Pg) -> diesel::QueryResult<()> {
    AnsiTransactionManager::begin_transaction(connection).await
}

/// Commits, or takes everything back.
pub(super) async fn finish(connection: &mut Pg, went_well: bool) -> diesel::QueryResult<()> {
    match went_well {
        true => AnsiTransactionManager::commit_transaction(connection).await,
        false => AnsiTransactionManager::rollback_transaction(connection).await,
    }
}

/// tokio-postgres says only "error connecting to server" and keeps the reason to its source.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
