//! The one statement of a claim from a queue without limits.

use diesel::{
    QueryResult,
    backend::Backend,
    pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType, Integer, Text},
    sqlite::Sqlite,
};

use super::{insert::RETURNING, schema::jobs};
use crate::queue::State;

/// One statement that begins an attempt of each of a queue's first jobs, unless something was decided of the queue
/// that lets fewer of them be claimed.
///
/// All of it is of one moment: whoever paused the queue before enqueuing can rely on it.
pub(super) struct Take {
    pub queue: String,
    /// One at least.
    pub kinds: Vec<String>,
    pub limit: i64,
    pub owner: String,
    pub now: i64,
    /// Where others may strike this instance out.
    pub watched: bool,
}

const EXECUTING: i32 = State::Executing.bit();

/// What `take!` of `claim.rs` sets as well.
const TAKE: &str = "UPDATE jobs SET state = 'executing', attempt = jobs.attempt + 1, progress = NULL, message = NULL";

const FIRST: &str = "SELECT picked.id FROM jobs AS picked WHERE picked.state = 'available'";

/// Of the queue by its name, and not of each job's: joined to the jobs, PostgreSQL believes that next to none is left,
/// and sorts all that are available for each claim.
const UNLIMITED: &str = " AND NOT EXISTS (SELECT 1 FROM queues WHERE queues.name = ";

const IN_ORDER: &str = " AND (paused_at IS NOT NULL OR at_once IS NOT NULL OR at_once_per_key IS NOT NULL \
     OR rate_jobs IS NOT NULL)) ORDER BY picked.priority, picked.run_at, picked.id LIMIT (SELECT ";

impl Take {
    fn walk<'b, DB>(
        &'b self,
        mut out: AstPass<'_, 'b, DB>,
        [open, close]: [&str; 2],
    ) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<BigInt> + HasSqlType<Integer> + HasSqlType<Text>,
        String: ToSql<Text, DB>,
        i64: ToSql<BigInt, DB>,
        i32: ToSql<Integer, DB>,
    {
        out.push_sql(TAKE);
        out.push_sql(", owner = ");
        out.push_bind_param::<Text, _>(&self.owner)?;
        out.push_sql(", started_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(", unique_key = CASE WHEN unique_states & ");
        out.push_bind_param::<Integer, _>(&EXECUTING)?;
        out.push_sql(" <> 0 THEN unique_key END WHERE jobs.id ");
        out.push_sql(open);
        out.push_sql(FIRST);
        out.push_sql(" AND picked.queue = ");
        out.push_bind_param::<Text, _>(&self.queue)?;
        for (number, kind) in self.kinds.iter().enumerate() {
            out.push_sql(if number == 0 {
                " AND picked.kind IN ("
            } else {
                ", "
            });
            out.push_bind_param::<Text, _>(kind)?;
        }
        out.push_sql(")");
        if self.watched {
            out.push_sql(" AND EXISTS (SELECT 1 FROM instances WHERE instances.id = ");
            out.push_bind_param::<Text, _>(&self.owner)?;
            out.push_sql(")");
        }
        out.push_sql(UNLIMITED);
        out.push_bind_param::<Text, _>(&self.queue)?;
        out.push_sql(IN_ORDER);
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        // A question of its own: SQLite prepares a statement whose limit is nothing but a value anew for each value, and
        // PostgreSQL plans it anew.
        out.push_sql(" + 0)");
        out.push_sql(close);
        out.push_sql(RETURNING);
        Ok(())
    }
}

impl QueryFragment<Sqlite> for Take {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.walk(out, ["IN (", ")"])
    }
}

/// Locked in passing, so that no two instances claim one job. An array, because the planner may put a question
/// in place of a list more than once, and then more jobs are claimed than there are free actors.
impl QueryFragment<pg::Pg> for Take {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, pg::Pg>) -> QueryResult<()> {
        self.walk(out, ["= ANY (ARRAY (", " FOR UPDATE SKIP LOCKED))"])
    }
}

impl QueryId for Take {
    type QueryId = ();
    // The text depends on the number of kinds.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Take {
    type SqlType = jobs::SqlType;
}

impl<C> diesel::RunQueryDsl<C> for Take {}
