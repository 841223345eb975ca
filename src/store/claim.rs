//! Who takes what is due: a claim holds for as long as its instance is entered.
//!
//! Here the two databases differ, as they do in `connection.rs`, `instances.rs` and `transaction.rs`.

use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{Db, Pg, immediate, limited},
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
        let (raw, left) = match self.claim_freely(queue, kinds, limit, owner, now).await? {
            Some(taken) => taken,
            None => {
                self.claim_within_limits(queue, kinds, limit, owner, now)
                    .await?
            }
        };
        let mut claimed = job_rows(raw)?;
        fail_points::pass!("claim.after_commit", "{claimed:?}");
        // An UPDATE returns its rows in any order.
        claimed.sort_by_key(|job| (job.priority, job.run_at, job.id));
        Ok(Claim {
            jobs: claimed,
            left,
        })
    }

    /// Claims from a queue without limits; `None` says that this one has some, and a job to start.
    async fn claim_freely(
        &self,
        queue: &str,
        kinds: &[&str],
        limit: usize,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<Taken>, StoreError> {
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
                let row: Option<RawQueue> = queues::table
                    .find(queue)
                    .select(RawQueue::as_select())
                    .first($c)
                    .await
                    .optional()?;
                let row = row.unwrap_or_default();
                if picked.is_empty() || row.is_paused() {
                    return Ok(Some(NOTHING));
                }
                if !row.limits().are_none() {
                    // What was picked must be let go of before the row is locked: whoever holds the
                    // row may want the same jobs.
                    return Ok(None);
                }
                if $watched && !entered!($c, owner) {
                    return Ok(Some(NOTHING));
                }
                let taken: Vec<RawJob> = take!($c, jobs::id.eq_any(picked), owner, now);
                let left = match taken.len() < limit {
                    true => Left::Nothing,
                    false => Left::Perhaps,
                };
                Ok::<Option<Taken>, StoreError>(Some((taken, left)))
            }};
        }
        match &self.db {
            Db::Sqlite { write, .. } => limited!(self, write, Lite, |conn| {
                immediate!(conn, |c| claim!(c, next(), false))
            }),
            Db::Postgres(pool) => limited!(self, pool, Pg, |conn| {
                diesel_async::AsyncConnection::transaction(conn, async |c| {
                    claim!(c, next().for_update().skip_locked(), true)
                })
                .await
            }),
        }
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
