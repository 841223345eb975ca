//! Who takes what is due: a claim holds for as long as its instance is entered.
//!
//! Here the two databases differ, as they do in `connection.rs`, `instances.rs` and `transaction.rs`.

use diesel::{
    backend::Backend,
    dsl::count_star,
    pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType, Integer, Text},
    sqlite::Sqlite,
};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{Db, Pg, at_once, immediate, limited, read},
    insert::RETURNING,
    leases::{available, executing},
    moves::key_in,
    queues::RawQueue,
    rows::{JobRow, RawJob, instant, job_rows},
    schema::{instances, jobs, queues},
    sqlite::Lite,
};
use crate::{
    fail_points,
    queue::{Left, Look, State},
};

/// Whether this instance may claim: whoever was struck out would begin what others take away from it at once.
macro_rules! entered {
    ($c:ident, $owner:expr) => {{
        let entered: i64 = instances::table.find($owner).count().get_result($c).await?;
        entered > 0
    }};
}

/// One statement that begins an attempt of each of a queue's first jobs, unless something was decided of the queue
/// that lets fewer of them be claimed.
///
/// All of it is of one moment: whoever paused the queue before enqueuing can rely on it.
struct Take {
    queue: String,
    /// One at least.
    kinds: Vec<String>,
    limit: i64,
    owner: String,
    now: i64,
    /// Where others may strike this instance out.
    watched: bool,
}

const TAKE: &str = "UPDATE jobs SET state = 'executing', attempt = jobs.attempt + 1, progress = NULL, message = NULL";

const FIRST: &str = "SELECT picked.id FROM jobs AS picked WHERE picked.state = 'available'";

const UNLIMITED: &str = " AND NOT EXISTS (SELECT 1 FROM queues WHERE queues.name = picked.queue \
     AND (paused_at IS NOT NULL OR at_once IS NOT NULL OR at_once_per_key IS NOT NULL OR rate_jobs IS NOT NULL)) \
     ORDER BY picked.priority, picked.run_at, picked.id LIMIT ";

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
        out.push_bind_param::<BigInt, _>(&self.limit)?;
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

/// Begins an attempt of each job that is `$picked`.
macro_rules! take {
    ($c:ident, $picked:expr, $owner:expr, $now:expr) => {{
        let taken = diesel::update(jobs::table.filter($picked))
            .set((
                jobs::state.eq(State::Executing.word()),
                jobs::attempt.eq(jobs::attempt + 1),
                jobs::owner.eq($owner),
                jobs::started_at.eq($now.as_microsecond()),
                jobs::progress.eq(None::<i32>),
                jobs::message.eq(None::<String>),
                jobs::unique_key.eq(key_in!(State::Executing)),
            ))
            .returning(RawJob::as_returning())
            .get_results($c)
            .await?;
        fail_points::pass!("claim.before_commit");
        taken
    }};
}

/// What a claim took, and why it took no more.
#[derive(Debug)]
pub struct Claim {
    /// In the order in which they are to start.
    pub jobs: Vec<JobRow>,
    pub left: Left,
}

/// What was claimed, as diesel loads it.
type Taken = (Vec<RawJob>, Left);

const NOTHING: Taken = (Vec::new(), Left::Nothing);

const EXECUTING: i32 = State::Executing.bit();

impl Store {
    /// Claims up to `limit` available jobs of `queue` for one attempt each, as far as the queue's limits allow.
    ///
    /// Jobs of other kinds than `kinds` are left for a program that knows them.
    pub async fn claim(
        &self,
        queue: &str,
        kinds: &[&str],
        limit: usize,
        owner: &str,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        if kinds.is_empty() {
            return Ok(Claim {
                jobs: Vec::new(),
                left: Left::Nothing,
            });
        }
        let mut raw = self.claim_freely(queue, kinds, limit, owner, now).await?;
        let mut left = match raw.len() < limit {
            true => Left::Nothing,
            false => Left::Perhaps,
        };
        if raw.is_empty() && self.is_limited(queue).await? && self.is_due(queue, kinds).await? {
            (raw, left) = self
                .claim_within_limits(queue, kinds, limit, owner, now)
                .await?;
        }
        let mut claimed = job_rows(raw)?;
        fail_points::pass!("claim.after_commit", "{claimed:?}");
        // An UPDATE returns its rows in any order.
        claimed.sort_by_key(|job| (job.priority, job.run_at, job.id));
        Ok(Claim {
            jobs: claimed,
            left,
        })
    }

    /// Claims from a queue without limits, and nothing from one that has some.
    async fn claim_freely(
        &self,
        queue: &str,
        kinds: &[&str],
        limit: usize,
        owner: &str,
        now: Timestamp,
    ) -> Result<Vec<RawJob>, StoreError> {
        let take = Take {
            queue: queue.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            limit: limit as i64,
            owner: owner.to_owned(),
            now: now.as_microsecond(),
            watched: matches!(self.db, Db::Postgres(_)),
        };
        at_once!(self, if false, |c| {
            let taken: Vec<RawJob> = c.rows(take).await?;
            fail_points::pass!("claim.before_commit");
            Ok::<_, StoreError>(taken)
        })
    }

    /// Whether more is to be asked of a queue from which nothing was claimed freely.
    async fn is_limited(&self, queue: &str) -> Result<bool, StoreError> {
        let row: Option<RawQueue> = read!(self, |c| queues::table
            .find(queue)
            .select(RawQueue::as_select())
            .first(c)
            .await
            .optional())?;
        Ok(row.is_some_and(|row| !row.is_paused() && row.is_limited()))
    }

    /// Whether there is a job to claim: whoever counts what executes keeps all other instances waiting.
    async fn is_due(&self, queue: &str, kinds: &[&str]) -> Result<bool, StoreError> {
        let due: Option<i64> = read!(self, |c| jobs::table
            .filter(available())
            .filter(jobs::queue.eq(queue))
            .filter(jobs::kind.eq_any(kinds))
            .select(jobs::id)
            .first(c)
            .await
            .optional())?;
        Ok(due.is_some())
    }

    /// Claims from a queue with limits. Whoever holds the queue's row counts and claims, on all instances one
    /// after the other; jobs themselves need no lock, as nobody else claims them.
    async fn claim_within_limits(
        &self,
        queue: &str,
        kinds: &[&str],
        free: usize,
        owner: &str,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        macro_rules! claim {
            ($c:ident, $row:expr, $watched:expr) => {{
                let row: Option<RawQueue> = $row.get_result($c).await.optional()?;
                let row = row.unwrap_or_default();
                if row.is_paused() || $watched && !entered!($c, owner) {
                    return Ok(NOTHING);
                }
                let limits = row.limits();
                let by_key: Vec<(Option<String>, i64)> = match limits.count() {
                    false => Vec::new(),
                    true => {
                        jobs::table
                            .filter(executing())
                            .filter(jobs::queue.eq(queue))
                            .group_by(jobs::limit_key)
                            .select((jobs::limit_key, count_star()))
                            .load($c)
                            .await?
                    }
                };
                let all: i64 = by_key.iter().map(|(_, jobs)| jobs).sum();
                let kept = row.rate_at.map(instant).transpose()?;
                let grant = limits.grant(free, all as usize, kept, now);
                let mut look = Look::new(&limits, grant.jobs, by_key);
                while let Some(ahead) = look.next() {
                    let ahead: Vec<(i64, Option<String>)> = jobs::table
                        .filter(available())
                        .filter(jobs::queue.eq(queue))
                        .filter(jobs::kind.eq_any(kinds))
                        .filter(jobs::id.ne_all(look.picked()))
                        .filter(
                            jobs::limit_key
                                .is_null()
                                .or(jobs::limit_key.ne_all(look.full())),
                        )
                        .order((jobs::priority, jobs::run_at, jobs::id))
                        .limit(ahead as i64)
                        .select((jobs::id, jobs::limit_key))
                        .load($c)
                        .await?;
                    look.take(ahead);
                }
                let left = look.left(grant.cut);
                if look.picked().is_empty() {
                    return Ok((Vec::new(), left));
                }
                let picked = jobs::id.eq_any(look.picked());
                // One that was cancelled in the meantime is not claimed. The state is a bound value, so that
                // no planner takes the index of all that wait for the better way to a few numbers.
                let taken: Vec<RawJob> = take!($c, picked.and(jobs::state.eq(State::Available.word())), owner, now);
                if let Some(kept) = limits.kept_after(taken.len(), kept, now) {
                    diesel::update(queues::table.find(queue))
                        .set(queues::rate_at.eq(kept.as_microsecond()))
                        .execute($c)
                        .await?;
                }
                Ok::<Taken, StoreError>((taken, left))
            }};
        }
        match &self.db {
            Db::Sqlite { write, .. } => limited!(self, write, Lite, |conn| {
                immediate!(conn, |c| claim!(
                    c,
                    queues::table.find(queue).select(RawQueue::as_select()),
                    false
                ))
            }),
            Db::Postgres(pool) => limited!(self, pool, Pg, |conn| {
                diesel_async::AsyncConnection::transaction(conn, async |c| {
                    let row = queues::table.find(queue).select(RawQueue::as_select());
                    claim!(c, row.for_update(), true)
                })
                .await
            }),
        }
    }
}
