//! Who takes what is due: a claim holds for as long as its instance is entered.
//!
//! Here the two databases differ, as they do in `connection.rs`, `instances.rs`, `stage.rs`, `transaction.rs`, `turn.rs`
//! and `version.rs`.

use std::sync::Arc;

use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{Db, Pg, immediate, limited, read},
    leases::{available, executing},
    moves::key_in,
    queues::RawQueue,
    rows::{JobRow, RawJob, instant, job_rows},
    schema::{instances, jobs, queues},
    sqlite::Lite,
    take::Take,
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

/// What is to be claimed.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub queue: Arc<str>,
    /// Jobs of other kinds are left for a program that knows them.
    pub kinds: Vec<&'a str>,
    /// No more than so many.
    pub limit: usize,
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
        let wanted = Wanted {
            queue: queue.into(),
            kinds: kinds.to_vec(),
            limit,
        };
        let take = self.take(&wanted, owner, now);
        let (_, mut taken) = self.together(&[], vec![take]).await?;
        let freely = taken.pop().unwrap_or_default();
        self.claimed(&wanted, freely, owner, now).await
    }

    /// The claim of what is wanted, without regard to limits; none where no kind is known.
    pub(super) fn take(&self, wanted: &Wanted<'_>, owner: &str, now: Timestamp) -> Option<Take> {
        let Wanted {
            queue,
            kinds,
            limit,
        } = wanted;
        (!kinds.is_empty()).then(|| Take {
            queue: (**queue).to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            limit: *limit as i64,
            owner: owner.to_owned(),
            now: now.as_microsecond(),
            watched: matches!(self.db, Db::Postgres(_)),
        })
    }

    /// What a claim without regard to limits took, and if that is nothing, what can be had within them.
    pub(super) async fn claimed(
        &self,
        wanted: &Wanted<'_>,
        freely: Vec<RawJob>,
        owner: &str,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        let Wanted {
            queue,
            kinds,
            limit,
        } = wanted;
        let mut raw = freely;
        let mut left = match raw.len() < *limit {
            true => Left::Nothing,
            false => Left::Perhaps,
        };
        let none = raw.is_empty() && !kinds.is_empty();
        if none && self.is_limited(queue).await? && self.is_due(queue, kinds).await? {
            (raw, left) = self
                .claim_within_limits(queue, kinds, *limit, owner, now)
                .await?;
        }
        let mut jobs = job_rows(raw)?;
        fail_points::pass!("claim.after_commit", "{jobs:?}");
        // An UPDATE returns its rows in any order.
        jobs.sort_by_key(|job| (job.priority, job.run_at, job.id));
        Ok(Claim { jobs, left })
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
