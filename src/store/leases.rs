//! What falls due, and who takes it: a claim holds for as long as its instance is entered.
//!
//! Beside `connection.rs` and `instances.rs` this is the one place where the two databases differ.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{Db, Pg, change, immediate, limited, read},
    moves::key_in,
    rows::{JobRow, RawJob, instant, job_rows},
    schema::{instances, jobs, queues},
    sqlite::Lite,
};
use crate::{fail_points, queue::State};

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
            let (picked, changed) = change!(self, |c| {
                let due: Vec<i64> = jobs::table
                    .filter(due_states())
                    .filter(jobs::run_at.le(now.as_microsecond()))
                    .order(jobs::run_at)
                    .limit(PORTION as i64)
                    .select(jobs::id)
                    .load(c)
                    .await?;
                let picked = due.len();
                if picked == 0 {
                    return Ok::<_, StoreError>((0, 0));
                }
                let changed = diesel::update(
                    jobs::table
                        .filter(jobs::id.eq_any(due))
                        .filter(due_states()),
                )
                .set(jobs::state.eq(State::Available.word()))
                .execute(c)
                .await?;
                Ok((picked, changed))
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

    /// Claims up to `limit` available jobs of `queue` for one attempt each.
    ///
    /// Jobs of other kinds than `kinds` are left for a program that knows them. The jobs come
    /// in the order in which they are to start.
    pub async fn claim(
        &self,
        queue: &str,
        kinds: &[&str],
        limit: usize,
        owner: &str,
        now: Timestamp,
    ) -> Result<Vec<JobRow>, StoreError> {
        let next = || {
            jobs::table
                .filter(available())
                .filter(jobs::queue.eq(queue))
                .filter(jobs::kind.eq_any(kinds))
                .order((jobs::priority, jobs::run_at, jobs::id))
                .limit(limit as i64)
                .select(jobs::id)
        };
        // The pick is a question of its own: as a part of the UPDATE the planner of PostgreSQL
        // may put it more than once, and then more jobs are claimed than there are free actors.
        macro_rules! claim {
            ($c:ident, $next:expr, $watched:expr) => {{
                let picked: Vec<i64> = $next.load($c).await?;
                // Asked after the pick: whoever paused the queue before enqueuing can rely on it.
                let pauses: i64 = queues::table
                    .filter(queues::name.eq(queue))
                    .filter(queues::paused_at.is_not_null())
                    .count()
                    .get_result($c)
                    .await?;
                if picked.is_empty() || pauses > 0 {
                    return Ok::<Vec<RawJob>, StoreError>(Vec::new());
                }
                // Whoever was struck out would begin what others take away from it at once.
                if $watched {
                    let entered: i64 = instances::table.find(owner).count().get_result($c).await?;
                    if entered == 0 {
                        return Ok(Vec::new());
                    }
                }
                let claimed = diesel::update(jobs::table.filter(jobs::id.eq_any(picked)))
                    .set((
                        jobs::state.eq(State::Executing.word()),
                        jobs::attempt.eq(jobs::attempt + 1),
                        jobs::owner.eq(owner),
                        jobs::started_at.eq(now.as_microsecond()),
                        jobs::progress.eq(None::<i32>),
                        jobs::unique_key.eq(key_in!(State::Executing)),
                    ))
                    .returning(RawJob::as_returning())
                    .get_results($c)
                    .await?;
                fail_points::pass!("claim.before_commit");
                Ok(claimed)
            }};
        }
        let raw: Vec<RawJob> = match &self.db {
            Db::Sqlite { write, .. } => limited!(self, write, Lite, |conn| {
                immediate!(conn, |c| claim!(c, next(), false))
            }),
            Db::Postgres(pool) => limited!(self, pool, Pg, |conn| {
                diesel_async::AsyncConnection::transaction(conn, async |c| {
                    claim!(c, next().for_update().skip_locked(), true)
                })
                .await
            }),
        }?;
        let mut claimed = job_rows(raw)?;
        fail_points::pass!("claim.after_commit", "{claimed:?}");
        // An UPDATE returns its rows in any order.
        claimed.sort_by_key(|job| (job.priority, job.run_at, job.id));
        Ok(claimed)
    }
}

pub(super) type Literal = diesel::expression::SqlLiteral<diesel::sql_types::Bool>;

// The predicates of the partial indexes, word for word: with a bound value in the state's place
// a planner cannot prove that the index holds every row that is asked for.

fn due_states() -> Literal {
    diesel::dsl::sql("state IN ('scheduled', 'retryable') AND blockers = 0")
}

pub(super) fn available() -> Literal {
    diesel::dsl::sql("state = 'available'")
}

pub(super) fn executing() -> Literal {
    diesel::dsl::sql("state = 'executing'")
}
