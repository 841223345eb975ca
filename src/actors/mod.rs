//! The actors, and the handles by which the rooms above speak to them.
//!
//! ```text
//! registrar    persists users; tells the scheduler of their jobs
//! scheduler    claims what is due, hands it out, writes down how it ended
//!   email      EmailActors: a mail connection each, one letter at a time
//!   task       TaskActors: one task at a time; likewise for every further queue
//! ```
//!
//! All of them live on the main thread; what blocks or computes leaves it.

mod ask;
mod attempt;
mod email;
mod probe;
mod recruiter;
mod registrar;
mod report;
mod scheduler;
mod spawner;
mod station;
mod stop;
mod supervision;
mod system;
mod task;
mod tree;

use std::{io, sync::Arc};

use crate::{
    account::Hasher,
    clock::Clock,
    config::Config,
    jobs::{Catalogue, Tools},
    mail::Mailer,
    metrics::Metrics,
    queue::{EMAIL, Ending},
    store::Store,
    text::Text,
};
pub use ask::AskError;
use probe::Vitals;
use recruiter::Recruiter;
pub use registrar::{Door, Given, Held, LogInError, LoggedIn, Registrar, SignUpError};
pub use report::{ActorReport, LastRestart};
pub use scheduler::{Change, Changes, EditError, EnqueueError, Enqueuing, Scheduler};
pub(crate) use system::spawn;
pub use system::{Workshops, block_on};
pub use tree::Tree;

/// What the actors are built from.
pub struct Foundations {
    pub store: Store,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub metrics: Metrics,
    pub text: Text,
    pub mailer: Mailer,
    pub hasher: Hasher,
    pub catalogue: Catalogue,
    /// What links in letters begin with, without a slash at the end.
    pub base_url: Arc<str>,
}

/// All actors, started.
pub struct Actors {
    pub registrar: Registrar,
    pub scheduler: Scheduler,
    pub tree: Tree,
    /// The threads of the jobs; whoever drops them ends what still runs on them.
    pub workshops: Workshops,
}

/// Starts every actor on the thread on which this is called.
///
/// `lost` is called should the Registrar or the Scheduler fall too often: nothing works without them.
///
/// # Errors
///
/// When the system refuses threads.
pub fn start(
    parts: Foundations,
    lost: impl Fn(&'static str) + Clone + 'static,
) -> io::Result<Actors> {
    know(&parts.catalogue, &parts.metrics);
    let tree = Tree::default();
    let vitals = |name: &str, kind| {
        let vitals = Vitals::new(name, kind, None, &parts.metrics);
        tree.add(vitals.clone());
        vitals
    };
    let registrar = vitals("registrar", "RegistrarActor");
    let scheduler = vitals("scheduler", "SchedulerActor");

    let workshops = Workshops::default();
    for queue in parts.catalogue.queues() {
        // Threads that are refused now are refused before anything has begun.
        workshops.rooms().of(&queue.into())?;
    }
    let scheduler_lost = lost.clone();
    let scheduler = scheduler::start(
        scheduler::Parts {
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            catalogue: parts.catalogue.clone(),
            metrics: parts.metrics.clone(),
            lease: parts.config.lease,
        },
        scheduler,
        |scheduler| Recruiter::new(&parts, scheduler, workshops.rooms(), tree.clone()),
        move || scheduler_lost("scheduler"),
    );
    let mailbox = registrar::start(
        parts.store.clone(),
        parts.clock.clone(),
        parts.config.clone(),
        scheduler.clone(),
        registrar,
        move || lost("registrar"),
    );
    Ok(Actors {
        registrar: Registrar {
            mailbox,
            hasher: parts.hasher,
            store: parts.store,
            clock: parts.clock,
            config: parts.config,
            refusals: Arc::default(),
        },
        scheduler,
        tree,
        workshops,
    })
}

/// Begins the counters of every kind of job.
fn know(catalogue: &Catalogue, metrics: &Metrics) {
    let endings = Ending::COUNTED.map(Ending::word);
    for kind in catalogue.kinds() {
        metrics.know_job(kind.queue, kind.name, &endings);
        if kind.queue == EMAIL {
            metrics.know_letter(kind.name, &email::RESULTS);
        }
    }
}

/// What all jobs share.
fn tools(parts: &Foundations, scheduler: &Scheduler) -> Tools {
    let advance = scheduler.clone();
    Tools {
        store: parts.store.clone(),
        clock: parts.clock.clone(),
        text: parts.text.clone(),
        config: parts.config.clone(),
        base_url: parts.base_url.clone(),
        mail_domain: parts.mailer.sender().domain().into(),
        progress: Arc::new(move |progress| advance.advance(progress)),
    }
}
