//! The one statement that makes jobs available whose time has come.

use diesel::{
    QueryResult,
    backend::Backend,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType, Text},
    sqlite::Sqlite,
};

/// How many jobs are staged at once: some 20 ms, so that a claim need not wait for long.
pub(super) const PORTION: usize = 5000;

/// Makes the first [`PORTION`] jobs available that are due, and answers with the queue of each.
pub(super) struct Stage {
    /// In microseconds since 1970: whatever was to run at this instant or before it is due.
    pub now: i64,
}

const STAGE: &str = "UPDATE jobs SET state = 'available' WHERE jobs.id ";

/// The predicate of the index `jobs_due`, word for word.
const DUE: &str = "SELECT due.id FROM jobs AS due \
     WHERE due.state IN ('scheduled', 'retryable') AND due.blockers = 0 AND due.run_at <= ";

const FIRST: &str = " ORDER BY due.run_at LIMIT ";

impl Stage {
    fn walk<'b, DB>(
        &'b self,
        mut out: AstPass<'_, 'b, DB>,
        [open, close]: [&str; 2],
        [before, after]: [&str; 2],
    ) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<BigInt>,
        i64: ToSql<BigInt, DB>,
    {
        out.push_sql(STAGE);
        out.push_sql(open);
        out.push_sql(DUE);
        out.push_sql(before);
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(after);
        out.push_sql(FIRST);
        out.push_sql(before);
        out.push_sql(&PORTION.to_string());
        out.push_sql(after);
        out.push_sql(close);
        out.push_sql(" RETURNING queue");
        Ok(())
    }
}

impl QueryFragment<Sqlite> for Stage {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.walk(out, ["IN (", ")"], [""; 2])
    }
}

/// Whatever others hold is passed by: they are staging it as well, or about to change it, and nobody waits for anybody
/// crosswise. An array for the reason that `take.rs` gives.
///
/// The instant and the limit come out of questions of their own: a planner that sees how few are due, or that all of them
/// are wanted, looks them up by a bitmap, which never learns which entries of the index are dead, and there are as many of
/// these as jobs were staged.
impl QueryFragment<Pg> for Stage {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let close = " FOR NO KEY UPDATE SKIP LOCKED))";
        let question = ["(SELECT ", "::BIGINT)"];
        self.walk(out, ["= ANY (ARRAY (", close], question)
    }
}

impl QueryId for Stage {
    type QueryId = Self;
    // The text is always the same.
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Stage {
    type SqlType = Text;
}

impl<C> diesel::RunQueryDsl<C> for Stage {}
