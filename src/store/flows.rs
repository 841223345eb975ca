//! Flows: jobs that wait for each other, and what the end of one means for the others.
//!
//! Who waits for whom is a row of `edges`. How many a job still waits for is kept in its own row
//! (`blockers`), so that whoever looks for due jobs need not look at edges. It is never counted down,
//! but judged anew from how the others stand: an operator may take up a job again that had ended.

use std::collections::BTreeMap;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable},
};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use tokio::sync::broadcast;

use super::{
    MovedJob, Store, StoreError,
    ask::Ask,
    connection::{change, read},
    insert::insert_jobs,
    many::{Many, ROWS, Value},
    rows::{JobRow, RawJob, job_rows, unreadable},
    schema::{edges, jobs},
};
use crate::queue::{Flow, JobId, Standing, State, Upon, Wait, standing};

/// One job waits for an end of another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Edge {
    pub before: JobId,
    pub after: JobId,
    pub upon: Upon,
}

/// Jobs that wait for each other, and who waits for whom.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRows {
    pub jobs: Vec<JobRow>,
    pub edges: Vec<Edge>,
}

impl Store {
    /// Enqueues the jobs of a flow, all or none, and gives their rows in the order of the flow.
    pub async fn enqueue_flow(
        &self,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<Vec<JobRow>, StoreError> {
        let rows: Vec<RawJob> = change!(self, |c| {
            let new = insert_jobs!(self, c, flow.jobs(), now);
            let ids: Vec<i64> = new.iter().map(|(row, _)| row.id).collect();
            for some in places(flow, &ids).chunks(ROWS) {
                let places = Many::<()>::new(PLACES, some.iter().map(Place::row), PLACED);
                places.execute(c).await?;
            }
            for some in flow.waits().chunks(ROWS) {
                let edges = some.iter().map(|wait| edge(wait, &ids));
                Many::<()>::new(EDGES, edges, "").execute(c).await?;
            }
            let first = ids.iter().min().copied();
            let placed = jobs::table.filter(jobs::flow.eq(first)).order(jobs::id);
            let placed = placed.select(RawJob::as_select()).load(c).await?;
            Ok::<_, StoreError>(placed)
        })?;
        job_rows(rows)
    }

    /// News of every job that moves here because of another, from now on.
    pub fn followers(&self) -> broadcast::Receiver<MovedJob> {
        self.followers.subscribe()
    }

    /// Spreads the news of jobs that have moved because of others.
    pub(super) fn tell(&self, followers: Vec<MovedJob>) {
        for follower in followers {
            // Nobody watches: then nobody need be told.
            let _ = self.followers.send(follower);
        }
    }

    /// The flow to which a job belongs. `None` says that it belongs to none, or that there is no such job.
    pub async fn flow(&self, job: JobId) -> Result<Option<FlowRows>, StoreError> {
        type Raw = (Vec<RawJob>, Vec<(i64, i64, String)>);
        let found: Option<Raw> = read!(self, |c| {
            let flow: Option<Option<i64>> = jobs::table
                .find(job.0)
                .select(jobs::flow)
                .first(c)
                .await
                .optional()?;
            let Some(flow) = flow.flatten() else {
                return Ok(None);
            };
            let members = jobs::table
                .filter(jobs::flow.eq(flow))
                .order(jobs::id)
                .select(RawJob::as_select())
                .load(c)
                .await?;
            let ids = jobs::table.filter(jobs::flow.eq(flow)).select(jobs::id);
            let edges = edges::table
                .filter(edges::after.eq_any(ids))
                .order((edges::after, edges::before))
                .select((edges::before, edges::after, edges::upon))
                .load(c)
                .await?;
            Ok::<_, StoreError>(Some((members, edges)))
        })?;
        let Some((members, edges)) = found else {
            return Ok(None);
        };
        let edge = |(before, after, upon): (i64, i64, String)| {
            Ok(Edge {
                before: JobId(before),
                after: JobId(after),
                upon: upon.parse().map_err(unreadable)?,
            })
        };
        let edges: Result<_, StoreError> = edges.into_iter().map(edge).collect();
        Ok(Some(FlowRows {
            jobs: job_rows(members)?,
            edges: edges?,
        }))
    }
}

/// Judges anew, within the transaction on `$c`, how those stand who wait for these jobs, and who wait for
/// those in turn. To be called whenever jobs of flows have ended, or are taken up again after their end.
///
/// A job that a person has cancelled, or that has begun, stays as it is: nothing blocks it any more.
///
/// Gives those that stand otherwise now, for whoever watches them to be told once that is committed.
macro_rules! reconsider {
    ($c:ident, $moved:expr, $now:expr) => {{
        use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl};
        use $crate::store::{
            MovedJob,
            flows::{Answered, JUDGED, JUDGEMENTS, RawWait, judged},
            many::{Many, ROWS},
            schema::{edges, jobs},
        };
        let mut moved: Vec<i64> = $moved;
        let mut followers: Vec<MovedJob> = Vec::new();
        while !moved.is_empty() {
            let those = edges::table
                .filter(edges::before.eq_any(&moved))
                .select(edges::after)
                .distinct();
            let mut waiting: Vec<i64> = $c.rows(those).await?;
            // Whoever wants several locks takes them in one order.
            waiting.sort_unstable();
            // Changes nothing, and yet keeps whoever judges one of them at the same time waiting: of two
            // ends at once each would see the other one's job still at work.
            let locked = diesel::update(
                jobs::table
                    .filter(jobs::id.eq_any(waiting))
                    .filter(jobs::blockers.gt(0)),
            )
            .set(jobs::blockers.eq(jobs::blockers))
            .returning(jobs::id);
            let waiting: Vec<i64> = $c.rows(locked).await?;
            let waits = edges::table
                .inner_join(jobs::table.on(jobs::id.eq(edges::before)))
                .filter(edges::after.eq_any(&waiting))
                .order((edges::after, edges::before))
                .select((edges::after, edges::before, edges::upon, jobs::state));
            let waits: Vec<RawWait> = $c.rows(waits).await?;
            moved.clear();
            for some in judged(waits, $now)?.chunks(ROWS) {
                let rows = some.iter().map($crate::store::flows::Judged::row);
                let judged = Many::<Answered>::new(JUDGEMENTS, rows, JUDGED);
                let judged: Vec<(i64, Option<i64>, Option<i64>)> = $c.rows(judged).await?;
                moved.extend(judged.iter().map(|row| row.0));
                followers.extend(judged.into_iter().map(MovedJob::from));
            }
        }
        followers
    }};
}
pub(super) use reconsider;

const PLACES: &str = "WITH places (place, first, waits) AS (";

const PLACED: &str = ") UPDATE jobs SET flow = first, blockers = waits, \
     state = CASE WHEN waits > 0 THEN 'scheduled' ELSE state END FROM places WHERE id = place";

const EDGES: &str = "INSERT INTO edges (before, after, upon) ";

pub(super) const JUDGEMENTS: &str =
    "WITH judgements (id, state, blockers, now, finished_at, message) AS (";

/// Its lateness counts from when it could begin. Answers with those that stand otherwise now.
pub(super) const JUDGED: &str = ") UPDATE jobs SET state = judgements.state, \
     blockers = judgements.blockers, finished_at = judgements.finished_at, message = judgements.message, \
     run_at = CASE WHEN judgements.blockers = 0 AND jobs.run_at < judgements.now \
     THEN judgements.now ELSE jobs.run_at END \
     FROM judgements WHERE jobs.id = judgements.id AND jobs.blockers > 0 \
     AND (jobs.state <> judgements.state OR jobs.blockers <> judgements.blockers) \
     RETURNING jobs.id, jobs.user_id, jobs.signup_id";

pub(super) type Answered = (BigInt, Nullable<BigInt>, Nullable<BigInt>);

/// A job in its flow.
struct Place {
    id: i64,
    flow: i64,
    blockers: i32,
}

impl Place {
    fn row(&self) -> Vec<Value<'_>> {
        vec![self.id.into(), self.flow.into(), self.blockers.into()]
    }
}

fn places(flow: &Flow, ids: &[i64]) -> Vec<Place> {
    let mut blockers = vec![0; ids.len()];
    for wait in flow.waits() {
        blockers[wait.after] += 1;
    }
    let first = ids.iter().min().copied().unwrap_or_default();
    let place = |(&id, blockers)| Place {
        id,
        flow: first,
        blockers,
    };
    ids.iter().zip(blockers).map(place).collect()
}

fn edge<'a>(wait: &Wait, ids: &[i64]) -> Vec<Value<'a>> {
    vec![
        ids[wait.before].into(),
        ids[wait.after].into(),
        wait.upon.word().into(),
    ]
}

/// Who waits, for whom, for which end, and how that one stands.
pub(super) type RawWait = (i64, i64, String, String);

/// How a job stands that waits for others.
pub(super) struct Judged {
    id: i64,
    standing: Standing,
    /// The one that did not end as it was needed.
    by: i64,
    now: i64,
}

/// Judges each job that waits by all that it waits for.
pub(super) fn judged(waits: Vec<RawWait>, now: Timestamp) -> Result<Vec<Judged>, StoreError> {
    let mut by_job: BTreeMap<i64, Vec<(i64, Upon, State)>> = BTreeMap::new();
    for (after, before, upon, state) in waits {
        let upon = upon.parse().map_err(unreadable)?;
        let state = state.parse().map_err(unreadable)?;
        by_job.entry(after).or_default().push((before, upon, state));
    }
    let judged = by_job.into_iter().map(|(id, waits)| {
        let ends: Vec<_> = waits
            .iter()
            .map(|(_, upon, state)| (*upon, *state))
            .collect();
        let standing = standing(&ends);
        let by = match standing {
            Standing::Lost(place) => waits.get(place).map_or(0, |wait| wait.0),
            _ => 0,
        };
        Judged {
            id,
            standing,
            by,
            now: now.as_microsecond(),
        }
    });
    Ok(judged.collect())
}

impl Judged {
    /// Its row of [`JUDGEMENTS`]. One that is lost stays blocked, so that it comes back to life should
    /// an operator take up again what it waited for.
    pub(super) fn row(&self) -> Vec<Value<'_>> {
        let (state, blockers) = match self.standing {
            Standing::Blocked(blockers) => (State::Scheduled, blockers),
            Standing::Free => (State::Scheduled, 0),
            Standing::Lost(_) => (State::Cancelled, 1),
        };
        let lost = state == State::Cancelled;
        vec![
            self.id.into(),
            state.word().into(),
            blockers.into(),
            self.now.into(),
            lost.then_some(self.now).into(),
            lost.then(|| {
                format!(
                    "job {}, which it waited for, did not end as it had to",
                    self.by
                )
            })
            .into(),
        ]
    }
}
