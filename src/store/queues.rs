//! What operators decide of queues, for all instances: pauses, sizes and limits.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{change, read},
    leases::{available, executing},
    rows::instant,
    schema::{jobs, queues},
};
use crate::queue::{Limits, Rate, State};

/// A queue of which something was decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueRow {
    pub name: String,
    pub paused_at: Option<Timestamp>,
    /// Who or what paused it, and why.
    pub because: Option<String>,
    /// How many actors it has on each instance; none: as many as is usual.
    pub workers: Option<usize>,
    pub limits: Limits,
}

/// What is to change of a queue. What is `None` stays as it is; `Some(None)` takes it back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct QueueChange {
    pub workers: Option<Option<u32>>,
    pub at_once: Option<Option<u32>>,
    pub at_once_per_key: Option<Option<u32>>,
    pub rate: Option<Option<Rate>>,
}

/// What became of a queue that was to be removed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Removal {
    Done,
    /// There is no such row.
    Unknown,
    /// It holds jobs that are not finished.
    InUse,
}

#[derive(Default, Queryable, Selectable)]
#[diesel(table_name = queues, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(super) struct RawQueue {
    name: String,
    paused_at: Option<i64>,
    paused_because: Option<String>,
    workers: Option<i32>,
    at_once: Option<i32>,
    at_once_per_key: Option<i32>,
    rate_jobs: Option<i32>,
    rate_period: Option<i64>,
    pub(super) rate_at: Option<i64>,
}

/// The columns of a [`QueueChange`]; those that are none are not written.
#[derive(AsChangeset)]
#[diesel(table_name = queues)]
struct RawChange {
    workers: Option<Option<i32>>,
    at_once: Option<Option<i32>>,
    at_once_per_key: Option<Option<i32>>,
    rate_jobs: Option<Option<i32>>,
    rate_period: Option<Option<i64>>,
}

impl Store {
    /// The queues of which something was ever decided, by name.
    pub async fn queues(&self) -> Result<Vec<QueueRow>, StoreError> {
        let rows: Vec<RawQueue> = read!(self, |c| queues::table
            .order(queues::name)
            .select(RawQueue::as_select())
            .load(c)
            .await)?;
        rows.into_iter().map(QueueRow::try_from).collect()
    }

    /// Makes the queue where it has no row, and changes of it what is given.
    pub async fn set_queue(&self, name: &str, set: QueueChange) -> Result<(), StoreError> {
        change!(self, |c| {
            diesel::insert_into(queues::table)
                .values(queues::name.eq(name))
                .on_conflict_do_nothing()
                .execute(c)
                .await?;
            if set != QueueChange::default() {
                diesel::update(queues::table.find(name))
                    .set(RawChange::from(set))
                    .execute(c)
                    .await?;
            }
            Ok::<_, StoreError>(())
        })
    }

    /// Forgets all that was decided of a queue, unless it holds jobs that are not finished.
    pub async fn remove_queue(&self, name: &str) -> Result<Removal, StoreError> {
        let of_it = || jobs::table.filter(jobs::queue.eq(name)).select(jobs::id);
        change!(self, |c| {
            let there: i64 = queues::table.find(name).count().get_result(c).await?;
            if there == 0 {
                return Ok(Removal::Unknown);
            }
            let waiting = jobs::state.eq_any([State::Scheduled.word(), State::Retryable.word()]);
            // Three questions, so that each can be answered from an index.
            let unfinished = [
                of_it()
                    .filter(available())
                    .first::<i64>(c)
                    .await
                    .optional()?,
                of_it().filter(executing()).first(c).await.optional()?,
                of_it().filter(waiting).first(c).await.optional()?,
            ];
            if unfinished.iter().any(Option::is_some) {
                return Ok(Removal::InUse);
            }
            diesel::delete(queues::table.find(name)).execute(c).await?;
            Ok::<_, StoreError>(Removal::Done)
        })
    }

    /// Stops the claiming of a queue's jobs until [`Store::resume_queue`].
    pub async fn pause_queue(
        &self,
        name: &str,
        because: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.set_pause(name, Some(now.as_microsecond()), Some(because))
            .await
    }

    /// Lets a queue's jobs be claimed again.
    pub async fn resume_queue(&self, name: &str) -> Result<(), StoreError> {
        self.set_pause(name, None, None).await
    }

    async fn set_pause(
        &self,
        name: &str,
        at: Option<i64>,
        because: Option<&str>,
    ) -> Result<(), StoreError> {
        change!(self, |c| diesel::insert_into(queues::table)
            .values((
                queues::name.eq(name),
                queues::paused_at.eq(at),
                queues::paused_because.eq(because),
            ))
            .on_conflict(queues::name)
            .do_update()
            .set((queues::paused_at.eq(at), queues::paused_because.eq(because),))
            .execute(c)
            .await)?;
        Ok(())
    }
}

impl RawQueue {
    pub(super) fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// Whether a claim has to look closer: in the words of the claim that does not.
    pub(super) fn is_limited(&self) -> bool {
        self.at_once.is_some() || self.at_once_per_key.is_some() || self.rate_jobs.is_some()
    }

    /// What no door lets through, a negative number, limits nothing.
    pub(super) fn limits(&self) -> Limits {
        let rate = self.rate_jobs.zip(self.rate_period);
        Limits {
            at_once: self.at_once.and_then(|most| most.try_into().ok()),
            at_once_per_key: self.at_once_per_key.and_then(|most| most.try_into().ok()),
            rate: rate.and_then(|(jobs, period)| {
                Some(Rate {
                    burst: jobs.try_into().ok()?,
                    period: Duration::from_micros(period.try_into().ok()?),
                })
            }),
        }
    }
}

impl TryFrom<RawQueue> for QueueRow {
    type Error = StoreError;

    fn try_from(raw: RawQueue) -> Result<Self, StoreError> {
        Ok(QueueRow {
            limits: raw.limits(),
            paused_at: raw.paused_at.map(instant).transpose()?,
            workers: raw.workers.and_then(|workers| workers.try_into().ok()),
            name: raw.name,
            because: raw.paused_because,
        })
    }
}

impl From<QueueChange> for RawChange {
    fn from(set: QueueChange) -> Self {
        // Far below what the columns hold; whoever asks for more is refused at the door.
        let number = |number: Option<u32>| number.map(|n| i32::try_from(n).unwrap_or(i32::MAX));
        let period = |rate: Rate| i64::try_from(rate.period.as_micros()).unwrap_or(i64::MAX);
        RawChange {
            workers: set.workers.map(number),
            at_once: set.at_once.map(number),
            at_once_per_key: set.at_once_per_key.map(number),
            rate_jobs: set.rate.map(|rate| number(rate.map(|rate| rate.burst))),
            rate_period: set.rate.map(|rate| rate.map(period)),
        }
    }
}
