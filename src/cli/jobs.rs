//! `cadastro jobs`: the operator's questions about jobs, and the operator's hand in them.

mod arguments;
mod tell;

use std::io::Write;

use serde_json::json;

pub(super) use self::{
    arguments::{arguments, read},
    tell::enqueued,
};
use super::{Failure, open, output};
use crate::{
    app::Builder,
    clock::Clock,
    queue::{Due, JobId, NewJob, State},
    store::{Cursor, JobFilter, JobRow, Store, StoreError},
};

/// What to do with jobs.
#[derive(Clone, Debug, PartialEq)]
pub enum Jobs {
    /// Tell of many, the newest first.
    List {
        /// Only those in this state.
        state: Option<State>,
        /// Only those of this kind.
        kind: Option<String>,
        /// Only those in this queue.
        queue: Option<String>,
        /// So many at most, from 1 to 1000.
        limit: u16,
        /// Where an earlier list ended.
        cursor: Option<Cursor>,
        /// For programs.
        json: bool,
    },
    /// Tell all of one, its attempts included.
    Show {
        /// Which.
        id: JobId,
        /// For programs.
        json: bool,
    },
    /// Tell of the jobs that wait for each other, one of which this is.
    Flow {
        /// Which.
        id: JobId,
        /// For programs.
        json: bool,
    },
    /// Promise one more.
    Enqueue {
        /// What is to be done.
        kind: String,
        /// With what; as its kind wants it.
        args: Option<serde_json::Value>,
        /// When; none is at once.
        due: Option<Due>,
        /// Lower runs first among the jobs that are due.
        priority: Option<i32>,
        /// After so many attempts it is discarded; none is what the kind says.
        max_attempts: Option<i32>,
        /// For programs.
        json: bool,
    },
    /// Try these again, now.
    Retry {
        /// Which.
        ids: Vec<JobId>,
        /// For programs.
        json: bool,
    },
    /// Never do these.
    Cancel {
        /// Which.
        ids: Vec<JobId>,
        /// For programs.
        json: bool,
    },
}

impl Jobs {
    /// Does it, and answers on `out`.
    pub(super) async fn run(self, app: &Builder, out: &mut dyn Write) -> Result<(), Failure> {
        let now = Clock::system().now();
        match self {
            Jobs::List {
                state,
                kind,
                queue,
                limit,
                cursor,
                json,
            } => {
                let filter = JobFilter { state, kind, queue };
                let store = open::store(app).await?;
                // One more than asked for tells whether there are more.
                let rows = store.jobs(&filter, cursor, i64::from(limit) + 1).await?;
                let page = output::Page::cut(rows, limit, |job| job.id.0);
                Ok(tell::list(out, &page, json)?)
            }
            Jobs::Show { id, json } => {
                let store = open::store(app).await?;
                let job = store.job(id).await?.ok_or_else(|| none(id))?;
                let attempts = store.attempts(id).await?;
                Ok(tell::one(out, &job, attempts, json)?)
            }
            Jobs::Flow { id, json } => {
                let store = open::store(app).await?;
                store.job(id).await?.ok_or_else(|| none(id))?;
                let alone = || Failure::Refused(format!("job {id} belongs to no flow"));
                let flow = store.flow(id).await?.ok_or_else(alone)?;
                Ok(tell::flow(out, &flow, json)?)
            }
            Jobs::Enqueue {
                kind,
                args,
                due,
                priority,
                max_attempts,
                json,
            } => {
                let args = args.unwrap_or_else(|| json!({}));
                let job = new_job(app, &kind, args, due, priority, max_attempts)?;
                let store = open::store(app).await?;
                let rows = store.enqueue(&[job], now).await?;
                rows.iter()
                    .try_for_each(|job| tell::enqueued(out, job, json))?;
                Ok(())
            }
            Jobs::Retry { ids, json } => {
                let store = open::store(app).await?;
                let retry = async |id| store.retry(id, now).await;
                let (done, refused) = each(&store, &ids, retry, not_retried).await;
                tell::retried(out, &done, json)?;
                refused
            }
            Jobs::Cancel { ids, json } => {
                let store = open::store(app).await?;
                let cancel = async |id| store.cancel(id, now).await;
                let (done, refused) = each(&store, &ids, cancel, not_cancelled).await;
                // An instance that does not hear it finds it at its next poll.
                let _ = store.announce("").await;
                tell::cancelled(out, &done, json)?;
                refused
            }
        }
    }
}

fn new_job(
    app: &Builder,
    kind: &str,
    args: serde_json::Value,
    due: Option<Due>,
    priority: Option<i32>,
    max_attempts: Option<i32>,
) -> Result<NewJob, Failure> {
    let job = app
        .catalogue()?
        .new_job(kind, args)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(NewJob {
        due: due.unwrap_or(job.due),
        priority: priority.unwrap_or(job.priority),
        max_attempts: max_attempts.unwrap_or(job.max_attempts),
        ..job
    })
}

/// Asks for each job in turn. One that refuses does not keep the others from it: the jobs that
/// obeyed come back with the refusals of the rest, in one line.
async fn each(
    store: &Store,
    ids: &[JobId],
    ask: impl AsyncFn(JobId) -> Result<Option<JobRow>, StoreError>,
    why_not: fn(&JobRow) -> String,
) -> (Vec<JobRow>, Result<(), Failure>) {
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for &id in ids {
        let answer = async {
            Ok(match ask(id).await? {
                Some(row) => Ok(row),
                None => Err(store.job(id).await?),
            })
        };
        match answer.await {
            Ok(Ok(row)) => done.push(row),
            Ok(Err(Some(row))) => refused.push(why_not(&row)),
            Ok(Err(None)) => refused.push(none(id).to_string()),
            Err(error) => return (done, Err(Failure::Store(error))),
        }
    }
    let refused = match refused.is_empty() {
        true => Ok(()),
        false => Err(Failure::Refused(refused.join("; "))),
    };
    (done, refused)
}

fn none(id: JobId) -> Failure {
    Failure::Refused(format!("there is no job {id}"))
}

fn not_retried(JobRow { id, state, .. }: &JobRow) -> String {
    format!("job {id} is {state}: only retryable, discarded and cancelled jobs can be retried")
}

fn not_cancelled(JobRow { id, state, .. }: &JobRow) -> String {
    format!("job {id} is {state}: only jobs that have not ended can be cancelled")
}
