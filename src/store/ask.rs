//! The same words for a question to any connection.
//!
//! diesel has one `RunQueryDsl` for connections that block and diesel-async one for those that do not, of which a
//! scope can only know one. These traits put the connection first, so that a query's text is written once for
//! both: for a whole transaction on a thread of SQLite's ([`at_once!`]), and for one
//! that goes statement by statement.

use std::future::{Ready, ready};

use diesel::{QueryResult, SqliteConnection, query_dsl};
use diesel_async::{AsyncConnection, methods, return_futures};

/// What a connection is asked.
pub(super) trait Ask: AsyncConnection {
    /// All rows of the answer.
    fn rows<'conn, 'query, U, Q>(
        &'conn mut self,
        query: Q,
    ) -> return_futures::LoadFuture<'conn, 'query, Q, Self, U>
    where
        U: Send,
        Q: diesel_async::RunQueryDsl<Self> + methods::LoadQuery<'query, Self, U> + 'query,
    {
        query.load(self)
    }

    /// How many rows it touched.
    fn run<'conn, 'query, Q>(&'conn mut self, query: Q) -> Self::ExecuteFuture<'conn, 'query>
    where
        Q: diesel_async::RunQueryDsl<Self> + methods::ExecuteDsl<Self> + 'query,
    {
        query.execute(self)
    }
}

impl<C: AsyncConnection> Ask for C {}

/// The same, answered before it is waited for.
pub(super) trait AskHere {
    fn rows<'query, U, Q>(&mut self, query: Q) -> Ready<QueryResult<Vec<U>>>
    where
        Q: diesel::RunQueryDsl<SqliteConnection>
            + query_dsl::LoadQuery<'query, SqliteConnection, U>;

    fn run<Q>(&mut self, query: Q) -> Ready<QueryResult<usize>>
    where
        Q: diesel::RunQueryDsl<SqliteConnection> + query_dsl::methods::ExecuteDsl<SqliteConnection>;
}

impl AskHere for SqliteConnection {
    fn rows<'query, U, Q>(&mut self, query: Q) -> Ready<QueryResult<Vec<U>>>
    where
        Q: diesel::RunQueryDsl<SqliteConnection>
            + query_dsl::LoadQuery<'query, SqliteConnection, U>,
    {
        ready(query.load(self))
    }

    fn run<Q>(&mut self, query: Q) -> Ready<QueryResult<usize>>
    where
        Q: diesel::RunQueryDsl<SqliteConnection> + query_dsl::methods::ExecuteDsl<SqliteConnection>,
    {
        ready(query.execute(self))
    }
}

/// Runs one transaction that borrows nothing: `at_once!(store, |c| { ..; Ok::<_, StoreError>(answer) })`, with its
/// questions put by [`Ask`].
///
/// On SQLite all of it is one visit to a thread, where [`change!`](crate::change) goes there and back for each
/// statement, and copies each row twice. For what is done thousands of times a second.
///
/// `at_once!(store, if together, |c| ..)` does without the begin and the commit on PostgreSQL unless there are several
/// statements that have to stand together: one is a transaction by itself, which goes on though nobody waits for it
/// any more. A program whose fail points lie before the commit has one all the same.
macro_rules! at_once {
    ($store:expr, |$c:ident| $body:expr) => {
        $crate::store::ask::at_once!($store, if true, |$c| $body)
    };
    ($store:expr, if $together:expr, |$c:ident| $body:expr) => {
        match &$store.db {
            $crate::store::lent::Db::Sqlite { write, .. } => {
                $crate::limited!($store, write, $crate::store::lent::Lite, |conn| {
                    use $crate::store::ask::AskHere as _;
                    $crate::store::sqlite::visit(conn, async move |$c: &mut diesel::SqliteConnection| $body)
                        .await
                })
            }
            $crate::store::lent::Db::Postgres(pool) => {
                $crate::limited!($store, pool, $crate::store::lent::Pg, |conn| {
                    use $crate::store::ask::Ask as _;
                    let work = async |$c: &mut $crate::store::lent::Pg| $body;
                    match $together || cfg!(feature = "fail-points") {
                        true => $crate::store::lent::AsyncConnection::transaction(conn, work).await,
                        false => work(conn).await,
                    }
                })
            }
        }
    };
}
pub(super) use at_once;
