//! What falls due, and when more does.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    ask::at_once,
    connection::read,
    literal::Literal,
    rows::instant,
    schema::jobs,
    stage::{PORTION, Stage},
};

impl Store {
    /// Makes scheduled and failed jobs available whose time has come, and says how many in each queue. On PostgreSQL those
    /// that another holds are passed by.
    ///
    /// In portions of `PORTION`, the longest due first: after a long stop so many may be due that
    /// one transaction for all would never end in time.
    pub async fn stage(&self, now: Timestamp) -> Result<BTreeMap<String, usize>, StoreError> {
        let mut staged = BTreeMap::new();
        loop {
            let stage = Stage {
                now: now.as_microsecond(),
            };
            // Alone, it needs no transaction.
            let queues: Vec<String> =
                at_once!(self, if false, |c| Ok::<_, StoreError>(c.rows(stage).await?))?;
            let portion = queues.len();
            for queue in queues {
                *staged.entry(queue).or_default() += 1;
            }
            if portion < PORTION {
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

// The predicates of the partial indexes, word for word, as `stage.rs` and `take.rs` have them too: with a bound value in
// the state's place a planner cannot prove that the index holds every row that is asked for.

fn due_states() -> Literal {
    Literal("state IN ('scheduled', 'retryable') AND blockers = 0")
}

pub(super) fn available() -> Literal {
    Literal("state = 'available'")
}

pub(super) fn executing() -> Literal {
    Literal("state = 'executing'")
}
