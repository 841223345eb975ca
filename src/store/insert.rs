//! Jobs, inserted by the hundred: many rows in one statement.
//!
//! diesel's own batches do not exist for an asynchronous SQLite; this statement is written once for both
//! databases.

use diesel::{
    backend::Backend,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType, Integer, Nullable, Text},
};
use jiff::Timestamp;

use super::schema::jobs;
use crate::queue::{NewJob, State};

/// How many rows one statement inserts: more make none of them cheaper, and SQLite has a bound.
pub(super) const ROWS: usize = 256;

/// Inserts jobs, and answers with their rows in any order; their numbers go up as they were given.
pub(super) struct InsertJobs<'a> {
    rows: Vec<Row<'a>>,
    now: i64,
}

struct Row<'a> {
    job: &'a NewJob,
    state: &'static str,
    args: String,
    run_at: i64,
    signup: Option<i64>,
}

impl<'a> InsertJobs<'a> {
    pub(super) fn new(jobs: &'a [NewJob], now: Timestamp) -> Self {
        let row = |job: &'a NewJob| {
            let run_at = job.due.instant(now);
            Row {
                job,
                state: State::of_new(run_at, now).word(),
                args: job.args.to_string(),
                run_at: run_at.as_microsecond(),
                signup: job.signup.map(|signup| signup.0),
            }
        };
        InsertJobs {
            rows: jobs.iter().map(row).collect(),
            now: now.as_microsecond(),
        }
    }
}

const INSERT: &str = "INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, \
     created_at, run_at, user_id, signup_id, crashes) VALUES ";

/// Every column, in the order of the table.
const RETURNING: &str = " RETURNING id, kind, queue, state, priority, args, attempt, max_attempts, \
     created_at, run_at, started_at, finished_at, owner, progress, result, user_id, signup_id, crashes";

impl<DB> QueryFragment<DB> for InsertJobs<'_>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<Integer> + HasSqlType<BigInt>,
    str: ToSql<Text, DB>,
    String: ToSql<Text, DB>,
    i32: ToSql<Integer, DB>,
    i64: ToSql<BigInt, DB>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(INSERT);
        for (number, row) in self.rows.iter().enumerate() {
            out.push_sql(if number == 0 { "(" } else { ", (" });
            out.push_bind_param::<Text, _>(&row.job.kind)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(&row.job.queue)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(row.state)?;
            out.push_sql(", ");
            out.push_bind_param::<Integer, _>(&row.job.priority)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(&row.args)?;
            out.push_sql(", 0, ");
            out.push_bind_param::<Integer, _>(&row.job.max_attempts)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&self.now)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.run_at)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<BigInt>, _>(&row.job.user)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<BigInt>, _>(&row.signup)?;
            out.push_sql(", 0)");
        }
        out.push_sql(RETURNING);
        Ok(())
    }
}

impl QueryId for InsertJobs<'_> {
    type QueryId = ();
    // The text depends on the number of rows.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for InsertJobs<'_> {
    type SqlType = jobs::SqlType;
}

impl<C> diesel::RunQueryDsl<C> for InsertJobs<'_> {}
