//! Counts and pages of rows, for people and for `/metrics`.

use std::collections::BTreeMap;

use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::read,
    leases::available,
    literal::Literal,
    rows::{JobRow, RawJob, instant, job_rows, unreadable},
    schema::jobs,
};
use crate::queue::{JobId, State};

/// How many jobs one question counts: some 50 ms, far from the limit on a slow machine too.
const PORTION: usize = 50_000;

/// Which jobs a list shows; an absent field admits all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    pub state: Option<State>,
    pub kind: Option<String>,
    pub queue: Option<String>,
}

impl JobFilter {
    /// It admits all jobs.
    pub fn is_empty(&self) -> bool {
        self.state.is_none() && self.kind.is_none() && self.queue.is_none()
    }
}

/// Where the next page of a list begins: below this job's number.
pub type Cursor = JobId;

/// How many jobs of a kind stand in a state.
#[derive(Clone, Debug, PartialEq)]
pub struct JobCount {
    pub queue: String,
    pub kind: String,
    pub state: State,
    pub jobs: i64,
}

/// How a queue keeps up.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueLoad {
    pub queue: String,
    /// When the job that has waited longest fell due.
    pub oldest_due: Timestamp,
}

impl Store {
    /// Up to `limit` jobs that pass the filter, the newest first, from below `cursor`.
    pub async fn jobs(
        &self,
        filter: &JobFilter,
        cursor: Option<Cursor>,
        limit: i64,
    ) -> Result<Vec<JobRow>, StoreError> {
        let raw = read!(self, |c| {
            let mut query = jobs::table
                .select(RawJob::as_select())
                .order(jobs::id.desc())
                .limit(limit)
                .into_boxed();
            if let Some(state) = filter.state {
                query = match state {
                    State::Discarded => query.filter(discarded()),
                    State::Cancelled => query.filter(cancelled()),
                    state => query.filter(jobs::state.eq(state.word())),
                };
            }
            if let Some(kind) = &filter.kind {
                query = query.filter(jobs::kind.eq(kind));
            }
            if let Some(queue) = &filter.queue {
                query = query.filter(jobs::queue.eq(queue));
            }
            if let Some(JobId(below)) = cursor {
                query = query.filter(jobs::id.lt(below));
            }
            query.load(c).await
        })?;
        job_rows(raw)
    }

    /// How many jobs there are, by queue, kind and state.
    ///
    /// Counted in portions of `PORTION` numbers: with millions of jobs one question for all would have no
    /// answer in time, and count as a database that is away. A job that moves on in the meantime is counted
    /// once, in one of its states.
    pub async fn job_counts(&self) -> Result<Vec<JobCount>, StoreError> {
        let mut sums = BTreeMap::new();
        for (from, to) in self.numbers(PORTION).await? {
            let rows: Vec<(String, String, String, i64)> = read!(self, |c| jobs::table
                .filter(jobs::id.ge(from).and(jobs::id.lt(to)))
                .group_by((jobs::queue, jobs::kind, jobs::state))
                .select((jobs::queue, jobs::kind, jobs::state, count_star()))
                .load(c)
                .await)?;
            for (queue, kind, state, jobs) in rows {
                *sums.entry((queue, kind, state)).or_default() += jobs;
            }
        }
        sums.into_iter()
            .map(|((queue, kind, state), jobs)| {
                Ok(JobCount {
                    queue,
                    kind,
                    state: state.parse().map_err(unreadable)?,
                    jobs,
                })
            })
            .collect()
    }

    /// The numbers of all jobs that there are by now, in portions: from each first one up to the next.
    pub(super) async fn numbers(&self, portion: usize) -> Result<Vec<(i64, i64)>, StoreError> {
        let (first, last) = read!(self, |c| jobs::table
            .select((diesel::dsl::min(jobs::id), diesel::dsl::max(jobs::id)))
            .first::<(Option<i64>, Option<i64>)>(c)
            .await)?;
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(Vec::new());
        };
        let end = |from: i64| from.saturating_add(portion as i64).min(last + 1);
        let firsts = (first..=last).step_by(portion);
        Ok(firsts.map(|from| (from, end(from))).collect())
    }

    /// The oldest due job of each queue that has one.
    pub async fn queue_loads(&self) -> Result<Vec<QueueLoad>, StoreError> {
        let rows: Vec<(String, Option<i64>)> = read!(self, |c| jobs::table
            .filter(available())
            .group_by(jobs::queue)
            .select((jobs::queue, diesel::dsl::min(jobs::run_at)))
            .load(c)
            .await)?;
        rows.into_iter()
            .filter_map(|(queue, oldest)| Some((queue, oldest?)))
            .map(|(queue, oldest)| {
                Ok(QueueLoad {
                    queue,
                    oldest_due: instant(oldest)?,
                })
            })
            .collect()
    }
}

// The predicates of partial indexes, word for word.

fn discarded() -> Literal {
    Literal("state = 'discarded'")
}

fn cancelled() -> Literal {
    Literal("state = 'cancelled'")
}
