//! Jobs, inserted by the thousand; of those that are to be the only ones, those that are.

use std::{borrow::Cow, ops::Deref};

use diesel::prelude::*;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    ask::at_once,
    many::{Many, Value},
    rows::{JobRow, RawJob},
    schema::jobs,
};
use crate::queue::{NewJob, Secrets, State};

/// How many jobs one statement inserts: in SQLite with 30,000 parameters of the 32,766 that it takes.
pub(super) const ROWS: usize = 2000;

/// How often a job is tried anew that met another under its key, which was gone before it could be read.
pub(super) const TRIES: usize = 5;

/// The columns that are given of every new job, the rest being none or nought by themselves; and those with which
/// its row is answered: every one, in the table's order.
macro_rules! columns {
    (new) => {
        "kind, queue, state, priority, args, attempt, max_attempts, \
         created_at, run_at, user_id, signup_id, limit_key, trace"
    };
    (all) => {
        "id, kind, queue, state, priority, args, attempt, max_attempts, \
         created_at, run_at, started_at, finished_at, owner, progress, result, user_id, signup_id, crashes, \
         unique_key, unique_states, limit_key, cancel_at, message, trace, flow, blockers"
    };
}

const INSERT: &str = concat!("INSERT INTO jobs (", columns!(new), ") ");

/// Answers with the rows that a statement wrote, every column in the table's order.
pub(super) const RETURNING: &str = concat!(" RETURNING ", columns!(all));

const INSERT_UNIQUE: &str = concat!(
    "INSERT INTO jobs (",
    columns!(new),
    ", unique_key, unique_states) "
);

const UNLESS_THERE: &str = concat!(
    " ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING RETURNING ",
    columns!(all)
);

/// What became of a job that was to be enqueued. Reads as the row, whichever it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Enqueued {
    /// It is there now.
    New(JobRow),
    /// Another holds its key: this one, perhaps edited.
    Existing(JobRow),
}

impl Enqueued {
    pub(super) fn of((raw, is_new): (RawJob, bool)) -> Result<Self, StoreError> {
        let row = raw.try_into()?;
        Ok(match is_new {
            true => Enqueued::New(row),
            false => Enqueued::Existing(row),
        })
    }

    /// Whether it was not there before.
    pub fn is_new(&self) -> bool {
        matches!(self, Enqueued::New(_))
    }

    /// The row, whichever it is.
    pub fn into_row(self) -> JobRow {
        match self {
            Enqueued::New(row) | Enqueued::Existing(row) => row,
        }
    }
}

impl Deref for Enqueued {
    type Target = JobRow;

    fn deref(&self) -> &JobRow {
        match self {
            Enqueued::New(row) | Enqueued::Existing(row) => row,
        }
    }
}

impl Store {
    /// Enqueues jobs, all or none, and answers for each in the same order.
    ///
    /// [`StoreError::Conflict`] says that the job which a unique one met was gone each time before it could be
    /// read: nothing was saved, ask again.
    pub async fn enqueue(
        &self,
        new: &[NewJob],
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, StoreError> {
        let (store, new) = (self.clone(), new.to_vec());
        let rows = at_once!(self, |c| Ok::<_, StoreError>(insert_jobs!(
            store, c, &new, now
        )))?;
        rows.into_iter().map(Enqueued::of).collect()
    }

    /// The same jobs, as they may be written: their secrets sealed.
    pub(super) fn sealed<'a>(&self, new: &'a [NewJob]) -> Result<Cow<'a, [NewJob]>, StoreError> {
        if new.iter().all(|job| job.secrets.is_empty()) {
            return Ok(new.into());
        }
        let seal = |job: &NewJob| {
            let args = self.keys().seal(&job.kind, &job.args, &job.secrets);
            let args = args.ok_or_else(|| {
                let kind = &job.kind;
                StoreError::Unusable(format!(
                    "`{kind}` has secret arguments, and there is no --secret-key"
                ))
            })?;
            Ok(NewJob {
                args,
                secrets: Secrets::default(),
                ..job.clone()
            })
        };
        new.iter().map(seal).collect()
    }
}

/// Inserts jobs within the transaction of `$store` on `$c`; gives for each, in the same order, its row and whether it is new.
///
/// Unique ones come after the others and in the order of their keys, so that two processes which insert the
/// same ones wait for each other at the first and never crosswise. An edit of the one that is there counts as
/// much as the insert: all of it is one transaction.
///
/// A macro, because the connections of the two databases share no type.
macro_rules! insert_jobs {
    ($store:expr, $c:ident, $jobs:expr, $now:expr) => {{
        use $crate::store::{
            batch::Batch,
            insert::{ROWS, TRIES, insert, insert_unique},
            moves::edited,
            rows::RawJob,
            schema::jobs,
        };
        let sealed = $store.sealed($jobs)?;
        let mut batch = Batch::of($jobs, &sealed, $now);
        for some in batch.plain().chunks(ROWS) {
            batch.inserted($c.rows(insert(some, $now)).await?);
        }
        for _ in 0..TRIES {
            let missing = batch.missing();
            if missing.is_empty() {
                break;
            }
            for some in batch.firsts(&missing).chunks(ROWS) {
                batch.made($c.rows(insert_unique(some, $now)).await?);
            }
            for (key, edit) in batch.edits(&missing) {
                let edited = edited!(jobs::unique_key.eq(&key), &edit, $now)
                    .returning(RawJob::as_returning());
                batch.met($c.rows(edited).await?);
            }
            let missing = batch.missing();
            if !missing.is_empty() {
                let there = jobs::table
                    .filter(jobs::unique_key.eq_any(missing))
                    .select(RawJob::as_select());
                batch.met($c.rows(there).await?);
            }
        }
        batch.answers()?
    }};
}
pub(super) use insert_jobs;

/// Inserts jobs that any other may stand beside, and answers with their rows in any order; their numbers go up
/// as they were given.
pub(super) fn insert<'a>(new: &[&'a NewJob], now: Timestamp) -> Many<'a, jobs::SqlType> {
    Many::new(INSERT, new.iter().map(|job| row(job, now)), RETURNING)
}

/// Inserts each of the jobs of which none is there that holds its key, and answers with those.
pub(super) fn insert_unique<'a>(
    new: &[(&'a NewJob, &'a str)],
    now: Timestamp,
) -> Many<'a, jobs::SqlType> {
    let row = |(job, key): &(&'a NewJob, &'a str)| {
        let states = job.unique.as_ref().map(|unique| unique.states().bits());
        let mut row = row(job, now);
        row.extend([(*key).into(), states.into()]);
        row
    };
    Many::new(INSERT_UNIQUE, new.iter().map(row), UNLESS_THERE)
}

fn row(job: &NewJob, now: Timestamp) -> Vec<Value<'_>> {
    let run_at = job.due.instant(now);
    vec![
        job.kind.as_str().into(),
        job.queue.as_str().into(),
        State::of_new(run_at, now).word().into(),
        job.priority.into(),
        job.args.to_string().into(),
        0.into(),
        job.max_attempts.into(),
        now.as_microsecond().into(),
        run_at.as_microsecond().into(),
        job.user.into(),
        job.signup.map(|signup| signup.0).into(),
        job.limit_key.as_deref().into(),
        job.trace.as_deref().into(),
    ]
}
