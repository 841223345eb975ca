//! Many jobs at once retried or cancelled, in portions: a million of them are no single transaction.

use diesel::{prelude::*, sql_types::Bool};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    JobFilter, Store, StoreError,
    ask::Ask,
    connection::{change, read},
    flows::reconsider,
    moves::{cancelled, ended, lost_at, retried},
    schema::jobs,
};
use crate::queue::{JobId, SignupId, State};

/// How many numbers a portion spans, and so the most jobs of one transaction: some 100 ms, and few enough for
/// SQLite's parameters.
const PORTION: usize = 10_000;

/// What is to become of many jobs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Move {
    /// They are tried again now: retryable, discarded and cancelled ones can be.
    Retry,
    /// They are never done: those that wait are cancelled, and those that execute asked to stop.
    Cancel,
}

/// Which jobs.
#[derive(Clone, Debug)]
pub enum Which {
    These(Vec<JobId>),
    /// A filter without a word admits all there are.
    All(JobFilter),
}

/// How many jobs are such as can be moved, and how many were.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moved {
    pub matched: usize,
    /// None when they were only counted.
    pub changed: usize,
}

/// A job that was moved, and who may watch it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MovedJob {
    pub id: JobId,
    pub user: Option<i64>,
    pub signup: Option<SignupId>,
}

impl From<(i64, Option<i64>, Option<i64>)> for MovedJob {
    fn from((id, user, signup): (i64, Option<i64>, Option<i64>)) -> Self {
        MovedJob {
            id: JobId(id),
            user,
            signup: signup.map(SignupId),
        }
    }
}

/// What one transaction moves.
enum Portion {
    These(Vec<i64>),
    /// Those that pass the filter, of these numbers.
    Numbers(i64, i64),
}

/// That the column holds the word, if there is one.
macro_rules! given {
    ($column:expr, $word:expr) => {
        $column
            .eq($word.unwrap_or_default())
            .or($word.is_none().into_sql::<Bool>())
    };
}

/// Asks once for each form of a portion: the two predicates share no type.
macro_rules! of_portion {
    ($portion:expr, $filter:expr, $lost:expr, |$which:ident| $body:expr) => {
        match $portion {
            Portion::These(ids) => {
                let $which = jobs::id.eq_any(ids);
                $body
            }
            Portion::Numbers(from, to) => {
                let [state, kind, queue] = $filter.parts();
                // What is not asked for admits all: one statement for every filter.
                let $which = jobs::id
                    .ge(from)
                    .and(jobs::id.lt(to))
                    .and(given!(jobs::state, state).or(lost_at!($lost)))
                    .and(given!(jobs::kind, kind))
                    .and(given!(jobs::queue, queue));
                $body
            }
        }
    };
}

impl Store {
    /// Moves all of these that can be, and tells `moved` of each portion.
    ///
    /// Where the database has no answer in the middle, the portions before it stay moved: asked again, it goes
    /// on with the rest. Jobs that come later are left alone.
    pub async fn move_all(
        &self,
        how: Move,
        which: &Which,
        now: Timestamp,
        moved: impl Fn(Vec<MovedJob>),
    ) -> Result<Moved, StoreError> {
        let mut sum = Moved::default();
        let filter = which.filter();
        let at = now.as_microsecond();
        // A portion cancels those of later ones that wait for its jobs: they were meant as well.
        let waits = how == Move::Cancel && filter.state == Some(State::Scheduled);
        let lost = waits.then_some(at);
        for portion in self.portions(which).await? {
            type Row = (i64, Option<i64>, Option<i64>, Option<i64>);
            let watched = (jobs::id, jobs::user_id, jobs::signup_id, jobs::flow);
            let (rows, followers) =
                of_portion!(&portion, filter, lost, |which| change!(self, |c| {
                    let rows: Vec<Row> = match how {
                        Move::Retry => retried!(which, now).returning(watched).get_results(c).await,
                        Move::Cancel => {
                            let unfinished = jobs::state.ne_all(ended()).or(lost_at!(at));
                            cancelled!(which.and(unfinished), now)
                                .returning(watched)
                                .get_results(c)
                                .await
                        }
                    }?;
                    let in_flows = rows.iter().filter(|row| row.3.is_some());
                    let in_flows: Vec<i64> = in_flows.map(|row| row.0).collect();
                    let followers = reconsider!(c, in_flows, now);
                    Ok::<_, StoreError>((rows, followers))
                }))?;
            sum.changed += rows.len();
            self.tell(followers);
            let job = |(id, user, signup, _): Row| MovedJob::from((id, user, signup));
            moved(rows.into_iter().map(job).collect());
        }
        sum.matched = sum.changed;
        Ok(sum)
    }

    /// How many of these could be moved, as things stand.
    pub async fn count_movable(&self, how: Move, which: &Which) -> Result<Moved, StoreError> {
        let states = how.states();
        let mut sum = Moved::default();
        let filter = which.filter();
        for portion in self.portions(which).await? {
            let count: i64 =
                of_portion!(&portion, filter, None::<i64>, |which| read!(self, |c| {
                    jobs::table
                        .filter(which)
                        .filter(jobs::state.eq_any(&states))
                        .count()
                        .get_result(c)
                        .await
                }))?;
            sum.matched += count as usize;
        }
        Ok(sum)
    }

    async fn portions(&self, which: &Which) -> Result<Vec<Portion>, StoreError> {
        Ok(match which {
            Which::These(ids) => {
                let mut ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
                ids.sort_unstable();
                let portions = ids.chunks(PORTION);
                portions.map(|ids| Portion::These(ids.to_vec())).collect()
            }
            Which::All(_) => {
                let numbers = self.numbers(PORTION).await?.into_iter();
                numbers
                    .map(|(from, to)| Portion::Numbers(from, to))
                    .collect()
            }
        })
    }
}

impl Move {
    /// In which states a job can be moved so.
    pub fn states(self) -> Vec<&'static str> {
        let can = |state: &State| match self {
            Move::Retry => state.can_retry(),
            Move::Cancel => !state.is_final(),
        };
        State::ALL
            .into_iter()
            .filter(can)
            .map(State::word)
            .collect()
    }
}

impl Which {
    fn filter(&self) -> JobFilter {
        match self {
            Which::These(_) => JobFilter::default(),
            Which::All(filter) => filter.clone(),
        }
    }
}

impl JobFilter {
    /// State, kind and queue, as far as they are given.
    fn parts(&self) -> [Option<&str>; 3] {
        [
            self.state.map(State::word),
            self.kind.as_deref(),
            self.queue.as_deref(),
        ]
    }
}
