//! The same words for a question to any connection.
//!
//! diesel has one `RunQueryDsl` for connections that block and diesel-async one for those that do not, of which a
//! scope can only know one. These traits put the connection first, so that a query's text is written once for
//! both: for a whole transaction on a thread of SQLite's ([`at_once!`](super::connection::at_once)), and for one
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
