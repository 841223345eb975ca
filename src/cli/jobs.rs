//! `cadastro jobs`: the operator's questions about jobs, and the operator's hand in them.

mod arguments;
mod moves;
mod tell;
mod unique;

use std::io::Write;

use serde_json::json;

pub use self::moves::Meant;
pub(super) use self::{
    arguments::{arguments, read},
    tell::enqueued,
};
use super::{Failure, open, output, queues};
use crate::{
    app::Builder,
    clock::Clock,
    queue::{Due, Edit, JobId, NewJob, Unique},
    store::{Cursor, JobFilter, JobRow, Move},
};

/// What to do with jobs.
#[derive(Clone, Debug, PartialEq)]
pub enum Jobs {
    /// Tell of many, the newest first.
    List {
        /// Only those that pass it.
        filter: JobFilter,
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
        /// Whether it is enqueued beside others like it; none is what the kind says.
        unique: Option<Unique>,
        /// In which queue; none is the kind's.
        queue: Option<String>,
        /// By which the queue counts it; none is what the kind says.
        limit_key: Option<String>,
        /// For programs.
        json: bool,
    },
    /// Change one that waits.
    Edit {
        /// Which.
        id: JobId,
        /// What is to change.
        edit: Edit,
        /// For programs.
        json: bool,
    },
    /// Try these again, now, or never do these.
    Move {
        /// Which of the two.
        how: Move,
        /// Which jobs.
        which: Meant,
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
                filter,
                limit,
                cursor,
                json,
            } => {
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
                unique,
                queue,
                limit_key,
                json,
            } => {
                let args = args.unwrap_or_else(|| json!({}));
                let job = new_job(app, &kind, args)?;
                let job = NewJob {
                    due: due.unwrap_or(job.due),
                    priority: priority.unwrap_or(job.priority),
                    max_attempts: max_attempts.unwrap_or(job.max_attempts),
                    unique: unique.or(job.unique),
                    limit_key: limit_key.or(job.limit_key),
                    ..job
                };
                let store = open::store(app).await?;
                let job = match queue {
                    Some(queue) => queues::put(job, queue, app, &store).await?,
                    None => job,
                };
                let rows = store.enqueue(&[job], now).await?;
                for job in &rows {
                    let attempts = store.attempts(job.id).await?;
                    tell::enqueued(out, job, attempts, json)?;
                }
                Ok(())
            }
            Jobs::Edit { id, edit, json } => {
                let store = open::store(app).await?;
                let job = store.job(id).await?.ok_or_else(|| none(id))?;
                if let Some(args) = &edit.args {
                    let checked = app.catalogue()?.check(&job.kind, args);
                    checked.map_err(|error| Failure::Usage(error.to_string()))?;
                }
                let edited = store.edit(id, &edit, now).await?;
                let Some(job) = edited else {
                    let JobRow { state, .. } = store.job(id).await?.ok_or_else(|| none(id))?;
                    let refused = format!("job {id} is {state}: only jobs that wait can be edited");
                    return Err(Failure::Refused(refused));
                };
                let attempts = store.attempts(id).await?;
                Ok(tell::edited(out, &job, attempts, json)?)
            }
            Jobs::Move { how, which, json } => {
                let store = open::store(app).await?;
                moves::run(&store, how, which, now, out, json).await
            }
        }
    }
}

fn new_job(app: &Builder, kind: &str, args: serde_json::Value) -> Result<NewJob, Failure> {
    let job = app.catalogue()?.new_job(kind, args);
    job.map_err(|error| Failure::Usage(error.to_string()))
}

fn none(id: JobId) -> Failure {
    Failure::Refused(format!("there is no job {id}"))
}
