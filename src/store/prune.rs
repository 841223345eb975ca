//! Forgetting jobs that ended long ago.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{Store, StoreError, connection::change, literal::Literal, schema::jobs};
use crate::queue::State;

impl Store {
    /// Forgets up to `limit` jobs that ended in `state` before `before`, the oldest ends first, with all
    /// that is kept of their attempts, and says how many.
    ///
    /// One that has not ended is never forgotten, however old it is.
    pub async fn prune(
        &self,
        state: State,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        change!(self, |c| {
            let ended: Vec<i64> = jobs::table
                // A job has an end in its final states alone; the index holds those.
                .filter(jobs::finished_at.is_not_null())
                .filter(jobs::state.eq(state.word()))
                .filter(jobs::finished_at.lt(before.as_microsecond()))
                .filter(waited_for_by_none())
                .order(jobs::finished_at)
                .limit(limit as i64)
                .select(jobs::id)
                .load(c)
                .await?;
            if ended.is_empty() {
                return Ok::<_, StoreError>(0);
            }
            // One may have been retried since. By its end it is not asked for again: SQLite would then go
            // through all that have ended.
            let gone = diesel::delete(jobs::table.filter(jobs::id.eq_any(ended)))
                .filter(jobs::state.eq(state.word()))
                .execute(c)
                .await?;
            Ok(gone)
        })
    }
}

/// A job that lost what it waited for stays so for as long as the edge tells it: without it an operator's retry of
/// another one would set it free.
fn waited_for_by_none() -> Literal {
    Literal(
        "NOT EXISTS (SELECT 1 FROM edges JOIN jobs AS later ON later.id = edges.after \
         WHERE edges.before = jobs.id AND later.blockers > 0)",
    )
}
