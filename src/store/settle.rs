//! How attempts go and how they end, written down for many at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use diesel::sql_types::{BigInt, Integer};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::change,
    many::{Many, ROWS, Value},
    rows::JobRow,
};
use crate::queue::{EMAIL, Ending, JobId, State, Verdict};

/// How an attempt ended, as it is to be written down.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The job as it was claimed: its owner and attempt guard against a late finish.
    pub job: Arc<JobRow>,
    pub verdict: Verdict,
    pub at: Timestamp,
}

/// How far an attempt has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub job: JobId,
    pub attempt: i32,
    /// 0 to 100.
    pub percent: i32,
    /// What it is at, in its reader's language; without, the last one stays.
    pub message: Option<String>,
}

/// One attempt: the number of its job, and its own.
pub(super) type Attempt = (i64, i32);

impl Store {
    /// Writes down how attempts ended, in one transaction.
    ///
    /// An answer is `false` where the attempt was no longer its owner's: a late finish, which
    /// changes nothing. It is `false` as well where the job is asked to stop and the verdict knows
    /// nothing of that: then it has to be judged anew.
    pub async fn settle(&self, batch: &[Settled]) -> Result<Vec<bool>, StoreError> {
        let (ours, _) = self.together(batch, Vec::new()).await?;
        Ok(ours)
    }

    /// Writes down how far attempts of `owner` have come, in one transaction.
    pub async fn note_progress(&self, owner: &str, batch: &[Progress]) -> Result<(), StoreError> {
        let row = |progress: &Progress| {
            vec![
                progress.job.0.into(),
                owner.into(),
                progress.attempt.into(),
                progress.percent.into(),
                storable(progress.message.as_deref(), MESSAGE).into(),
            ]
        };
        change!(self, |c| {
            for some in batch.chunks(ROWS) {
                let news = Many::<()>::padded(NEWS, some.iter().map(row), NOTED);
                news.execute(c).await?;
            }
            Ok::<_, StoreError>(())
        })
    }
}

/// Ends attempts within a transaction on `$c`; gives for each whether it was its owner's, and the jobs that moved on
/// because they had waited for these.
macro_rules! settle {
    ($c:ident, $batch:expr) => {{
        use $crate::store::{
            many::ROWS,
            settle::{Attempt, ends, failures, waited_for, written},
        };
        let mut answers = Vec::with_capacity($batch.len());
        let mut followers = Vec::new();
        for some in $batch.chunks(ROWS) {
            let ended: Vec<Attempt> = $c.rows(ends(some)).await?;
            let written = written(some, ended);
            if let Some(failures) = failures(some, &written) {
                $c.run(failures).await?;
            }
            let waited_for = waited_for(some, &written);
            if !waited_for.is_empty() {
                followers.extend($crate::store::flows::reconsider!(
                    $c, waited_for, some[0].at
                ));
            }
            answers.extend(written);
        }
        (answers, followers)
    }};
}
pub(super) use settle;

// The state is one of two, of which no job has the second: with an equality the planner of PostgreSQL prefers the
// index of all that execute, which is small at each moment and full of those that did, to a few numbers.

const NEWS: &str = "WITH news (id, owner, attempt, percent, message) AS (";

const NOTED: &str = ") UPDATE jobs SET progress = news.percent, \
     message = coalesce(news.message, jobs.message) FROM news \
     WHERE jobs.id = news.id AND jobs.state IN ('executing', '') \
     AND jobs.owner = news.owner AND jobs.attempt = news.attempt";

const HOLD: &str = "WITH held (id, owner, attempt) AS (";

const HELD: &str = ") UPDATE jobs SET attempt = held.attempt FROM held \
     WHERE jobs.id = held.id AND jobs.state IN ('executing', '') \
     AND jobs.owner = held.owner AND jobs.attempt = held.attempt";

const ENDS: &str = "WITH ends (id, owner, attempt, state, state_bit, run_at, max_attempts, crashes, \
     finished_at, progress, result) AS (";

const ENDED: &str = ") UPDATE jobs SET state = ends.state, \
     run_at = coalesce(ends.run_at, jobs.run_at), max_attempts = ends.max_attempts, \
     crashes = ends.crashes, finished_at = ends.finished_at, progress = ends.progress, \
     message = NULL, result = ends.result, \
     unique_key = CASE WHEN jobs.unique_states & ends.state_bit <> 0 THEN jobs.unique_key END FROM ends \
     WHERE jobs.id = ends.id AND jobs.state IN ('executing', '') \
     AND jobs.owner = ends.owner AND jobs.attempt = ends.attempt \
     AND (jobs.cancel_at IS NULL OR ends.state IN ('completed', 'cancelled')) \
     RETURNING jobs.id, jobs.attempt";

const FAILURES: &str = "INSERT INTO attempts \
     (job_id, attempt, owner, started_at, finished_at, outcome, error) ";

/// Touches the row of `job` if the attempt is still its owner's. Writes nothing new, and yet lets whoever takes it over,
/// or forgets its reader, wait until the transaction is over.
///
/// By hand, because diesel's own UPDATE is sent and planned anew each time, and a letter takes no longer than that.
pub(super) fn hold(job: &JobRow) -> Many<'_> {
    let row = vec![
        job.id.0.into(),
        job.owner.as_deref().into(),
        job.attempt.into(),
    ];
    Many::padded(HOLD, [row], HELD)
}

/// Ends attempts, where they are still their owners', and answers with those. In the order of their jobs' numbers:
/// whoever wants several locks takes them in that one.
pub(super) fn ends(batch: &[Settled]) -> Many<'_, (BigInt, Integer)> {
    let mut firsts = BTreeMap::new();
    for settled in batch {
        firsts.entry(settled.attempt()).or_insert(settled);
    }
    Many::padded(ENDS, firsts.into_values().map(Settled::end), ENDED)
}

/// For each of a batch, whether it is among the attempts that were ended. Of two ends of one attempt
/// the first was written.
pub(super) fn written(batch: &[Settled], ended: Vec<Attempt>) -> Vec<bool> {
    let mut ended: BTreeSet<Attempt> = ended.into_iter().collect();
    let written = |settled: &Settled| ended.remove(&settled.attempt());
    batch.iter().map(written).collect()
}

/// Keeps what was written of attempts that did not complete their jobs, if there are any.
pub(super) fn failures<'a>(batch: &'a [Settled], written: &[bool]) -> Option<Many<'a>> {
    let written = batch.iter().zip(written).filter(|(_, written)| **written);
    let failed = written.filter(|(settled, _)| settled.verdict.state != State::Completed);
    let rows: Vec<_> = failed.map(|(settled, _)| settled.failure()).collect();
    (!rows.is_empty()).then(|| Many::new(FAILURES, rows, ""))
}

/// The jobs whose ends were written, and for which others may wait.
pub(super) fn waited_for(batch: &[Settled], written: &[bool]) -> Vec<i64> {
    let written = batch.iter().zip(written).filter(|(_, written)| **written);
    let jobs = written.map(|(settled, _)| &settled.job);
    let in_flows = jobs.filter(|job| job.flow.is_some());
    in_flows.map(|job| job.id.0).collect()
}

impl Settled {
    fn attempt(&self) -> Attempt {
        (self.job.id.0, self.job.attempt)
    }

    /// Whether more is written of it than its row of [`ENDS`].
    pub(super) fn says_more(&self) -> bool {
        self.verdict.state != State::Completed || self.job.flow.is_some()
    }

    /// Whether its being written down may take as long as claims do.
    pub(super) fn may_wait(&self) -> bool {
        !self.says_more() && self.job.queue != EMAIL
    }

    /// Its row of [`ENDS`].
    fn end(&self) -> Vec<Value<'_>> {
        let Settled { job, verdict, at } = self;
        let free = i32::from(verdict.free);
        let crashes = match verdict.ending {
            Ending::Rescued => job.crashes + 1,
            _ => 0,
        };
        let at = at.as_microsecond();
        vec![
            job.id.0.into(),
            job.owner.as_deref().into(),
            job.attempt.into(),
            verdict.state.word().into(),
            verdict.state.bit().into(),
            verdict.run_at.map(Timestamp::as_microsecond).into(),
            job.max_attempts.saturating_add(free).into(),
            crashes.into(),
            verdict.state.is_final().then_some(at).into(),
            (verdict.state == State::Completed).then_some(100).into(),
            storable(verdict.result.as_deref(), RESULT).into(),
        ]
    }

    /// Its row of [`FAILURES`].
    fn failure(&self) -> Vec<Value<'_>> {
        let Settled { job, verdict, at } = self;
        vec![
            job.id.0.into(),
            job.attempt.into(),
            job.owner.as_deref().unwrap_or_default().into(),
            job.started_at.unwrap_or(*at).as_microsecond().into(),
            at.as_microsecond().into(),
            verdict.ending.word().into(),
            storable(verdict.error.as_deref(), RESULT).into(),
        ]
    }
}

/// How many bytes are kept of a result or an error: more of what a job says must not flood the table.
const RESULT: usize = 64 * 1024;

/// How many are kept of a message, which a page shows beside a bar.
const MESSAGE: usize = 500;

/// What shows that a text was cut.
const CUT: &str = " […]";

/// PostgreSQL's texts cannot hold a zero character. A reply or a panic with one in it must not keep
/// the ends of all other attempts from being written down.
fn storable(said: Option<&str>, longest: usize) -> Option<String> {
    let said = said?;
    let kept = &said[..said.floor_char_boundary(longest)];
    let mark = if kept.len() < said.len() { CUT } else { "" };
    Some(format!("{}{mark}", kept.replace('\0', "\u{FFFD}")))
}
