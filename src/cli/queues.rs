//! `cadastro queues`: how much waits where, the brake, and the limits.

mod arguments;
mod tell;

use std::io::Write;

pub(super) use self::arguments::{a_queue, arguments, read};
use super::{Failure, open};
use crate::{
    app::Builder,
    clock::Clock,
    jobs::Catalogue,
    queue::NewJob,
    store::{QueueChange, Removal, Store},
    web::api::queues::{IN_USE, Queue, all, stays},
};

/// By which nobody knows their own announcements: all servers are to hear of what is decided here.
const VOICE: &str = "the command line";

/// What to do with queues.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Queues {
    /// Tell of all.
    List {
        /// For programs.
        json: bool,
    },
    /// Tell of one.
    Show {
        /// Which.
        queue: String,
        /// For programs.
        json: bool,
    },
    /// Change its size and its limits.
    Set {
        /// Which.
        queue: String,
        /// It is to be made; otherwise it is to be there.
        new: bool,
        /// What is not given stays.
        change: QueueChange,
        /// For programs.
        json: bool,
    },
    /// Forget it.
    Remove {
        /// Which.
        queue: String,
        /// For programs.
        json: bool,
    },
    /// Start none of its jobs, in any instance, until it is resumed.
    Pause {
        /// Which.
        queue: String,
        /// For programs.
        json: bool,
    },
    /// Start its jobs again.
    Resume {
        /// Which.
        queue: String,
        /// For programs.
        json: bool,
    },
}

impl Queues {
    /// Does it, and answers on `out`.
    pub(super) async fn run(self, app: &Builder, out: &mut dyn Write) -> Result<(), Failure> {
        let store = open::store(app).await?;
        let catalogue = app.catalogue()?;
        match self {
            Queues::List { json } => {
                let queues: Vec<_> = all(&store, &catalogue).await?.into_values().collect();
                Ok(tell::list(out, queues, json)?)
            }
            Queues::Show { queue, json } => {
                let queue = find(&store, &catalogue, &queue).await?;
                Ok(tell::one(out, &queue, json)?)
            }
            Queues::Set {
                queue,
                new,
                change,
                json,
            } => {
                match (exists(&store, &catalogue, &queue).await?, new) {
                    (true, true) => {
                        let there = format!("the queue {queue} is there; `queues set` changes it");
                        return Err(Failure::Refused(there));
                    }
                    (false, false) => return Err(missing(&queue)),
                    _ => {}
                }
                store.set_queue(&queue, change).await?;
                store.announce(VOICE).await?;
                let queue = find(&store, &catalogue, &queue).await?;
                Ok(tell::one(out, &queue, json)?)
            }
            Queues::Pause { queue, json } => {
                find(&store, &catalogue, &queue).await?;
                let now = Clock::system().now();
                let because = "paused from the command line";
                store.pause_queue(&queue, because, now).await?;
                store.announce(VOICE).await?;
                let done = format!("{queue} is paused: running jobs end, no other begins");
                let queue = find(&store, &catalogue, &queue).await?;
                Ok(tell::done(out, &done, &queue, json)?)
            }
            Queues::Resume { queue, json } => {
                find(&store, &catalogue, &queue).await?;
                store.resume_queue(&queue).await?;
                store.announce(VOICE).await?;
                let done = format!("{queue} runs");
                let queue = find(&store, &catalogue, &queue).await?;
                Ok(tell::done(out, &done, &queue, json)?)
            }
            Queues::Remove { queue, json } => {
                let found = find(&store, &catalogue, &queue).await?;
                if let Some(why) = stays(&catalogue, &queue) {
                    return Err(Failure::Refused(why));
                }
                if store.remove_queue(&queue).await? == Removal::InUse {
                    return Err(Failure::Refused(format!("{queue} stays: {IN_USE}")));
                }
                store.announce(VOICE).await?;
                Ok(tell::done(
                    out,
                    &format!("{queue} is removed"),
                    &found,
                    json,
                )?)
            }
        }
    }
}

async fn find(store: &Store, catalogue: &Catalogue, name: &str) -> Result<Queue, Failure> {
    let queue = all(store, catalogue).await?.remove(name);
    queue.ok_or_else(|| missing(name))
}

/// The job in this queue, if there is one that takes it.
pub(super) async fn put(
    job: NewJob,
    queue: String,
    app: &Builder,
    store: &Store,
) -> Result<NewJob, Failure> {
    let catalogue = app.catalogue()?;
    if let Some(why) = catalogue
        .kind(&job.kind)
        .and_then(|kind| kind.refuses(&queue))
    {
        return Err(Failure::Usage(why));
    }
    match exists(store, &catalogue, &queue).await? {
        true => Ok(job.in_queue(queue)),
        false => Err(missing(&queue)),
    }
}

/// A kind of job names it, or an operator has made it.
async fn exists(store: &Store, catalogue: &Catalogue, name: &str) -> Result<bool, Failure> {
    let made = store.queues().await?;
    Ok(catalogue.has_queue(name) || made.iter().any(|row| row.name == name))
}

fn missing(name: &str) -> Failure {
    Failure::Refused(format!(
        "there is no queue {name}; `cadastro queues add {name}` makes it"
    ))
}
