//! What falls due, and when more does.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError, ask::at_once, connection::read, literal::Literal, rows::instant,
    schema::jobs,
};
use crate::queue::State;

/// How many jobs are staged in one transaction: some 20 ms, and few enough for SQLite's parameters.
const PORTION: usize = 5000;

impl Store {
    /// Makes scheduled and failed jobs available whose time has come, and says how many.
    ///
    /// In portions of [`PORTION`], the longest due first: after a long stop so many may be due that
    /// one transaction for all would never end in time.
    pub async fn stage(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut staged = 0;
        loop {
            // PostgreSQL needs no transaction: whatever was picked is changed only if it is still due.
            let (picked, changed) = at_once!(self, if false, |c| {
                let due = jobs::table
                    .filter(due_states())
                    .filter(jobs::run_at.le(now.as_microsecond()))
                    .order(jobs::run_at)
                    .limit(PORTION as i64)
                    .select(jobs::id);
                let mut due: Vec<i64> = c.rows(due).await?;
                let picked = due.len();
                // Whoever wants several locks takes them in one order.
                due.sort_unstable();
                if picked == 0 {
                    return Ok::<_, StoreError>((0, 0));
                }
                let staged = diesel::update(
                    jobs::table
                        .filter(jobs::id.eq_any(due))
                        .filter(due_states())
                        .filter(jobs::run_at.le(now.as_microsecond())),
                )
                .set(jobs::state.eq(State::Available.word()));
                Ok((picked, c.run(staged).await?))
            })?;
            staged += changed;
            if picked < PORTION {
                return Ok(staged);
            }
        }
    }

    /// The instants at which jobs fall due after `now`: the next `limit` of them, in order.
    pub async fn due_after(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let instants: Vec<i64> = read!(self, |c| jobs::table
            .filter(due_states())
            .filter(jobs::run_at.gt(now.as_microsecond()))
            .order(jobs::run_at)
            .limit(limit as i64)
            .select(jobs::run_at)
            .load(c)
            .await)?;
        instants.into_iter().map(instant).collect()
    }
}

// The predicates of the partial indexes, word for word: with a bound value in the state's place
// a planner cannot prove that the index holds every row that is asked for.

fn due_states() -> Literal {
    Literal("state IN ('scheduled', 'retryable') AND blockers = 0")
}

pub(super) fn available() -> Literal {
    Literal("state = 'available'")
}

pub(super) fn executing() -> Literal {
    Literal("state = 'executing'")
}
