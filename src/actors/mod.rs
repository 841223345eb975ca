//! The actors, and the handles by which the rooms above speak to them.
//!
//! ```text
//! registrar    persists users; tells the scheduler of their jobs
//! scheduler    claims what is due, hands it out, writes down how it ended
//!   email      EmailActors: a mail connection each, one letter at a time
//!   task       TaskActors: one task at a time
//! ```
//!
//! All of them live on the main thread; what blocks or computes leaves it.

mod ask;
mod attempt;
mod email;
mod probe;
mod registrar;
mod scheduler;
mod supervision;
mod system;
mod task;
mod tree;

use std::sync::Arc;

use crate::{
    account::Hasher,
    clock::Clock,
    config::Config,
    jobs::{Catalogue, Tools},
    mail::Mailer,
    metrics::Metrics,
    queue::{EMAIL, TASK},
    store::Store,
    text::Text,
};
pub use ask::AskError;
use email::EmailActor;
use probe::Vitals;
pub use registrar::{Door, LogInError, LoggedIn, Registrar, SignUpError};
pub use scheduler::{Change, Scheduler};
use supervision::{Intensity, supervise};
pub use system::block_on;
pub(crate) use system::spawn;
use task::TaskActor;
pub use tree::{ActorReport, LastRestart, Tree};

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
}

/// Starts every actor on the thread on which this is called.
///
/// `lost` is called should the Registrar or the Scheduler fall too often: nothing works without them.
pub fn start(parts: Foundations, lost: impl Fn(&'static str) + Clone + 'static) -> Actors {
    let tree = Tree::default();
    let vitals = |name, kind, parent| {
        let vitals = Vitals::new(name, kind, parent, &parts.metrics);
        tree.add(vitals.clone());
        vitals
    };
    let registrar = vitals("registrar", "RegistrarActor", None);
    let scheduler = vitals("scheduler", "SchedulerActor", None);
    let email = vitals("email", "EmailActor", Some("scheduler"));
    let task = vitals("task", "TaskActor", Some("scheduler"));

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
    start_workers(&parts, &scheduler, &email, &task);
    Actors {
        registrar: Registrar {
            mailbox,
            hasher: parts.hasher,
            store: parts.store,
            clock: parts.clock,
            config: parts.config,
        },
        scheduler,
        tree,
    }
}

fn start_workers(
    parts: &Foundations,
    scheduler: &Scheduler,
    email: &Arc<Vitals>,
    task: &Arc<Vitals>,
) {
    let advance = scheduler.clone();
    let tools = Tools {
        store: parts.store.clone(),
        clock: parts.clock.clone(),
        text: parts.text.clone(),
        config: parts.config.clone(),
        base_url: parts.base_url.clone(),
        mail_domain: parts.mailer.sender().domain().into(),
        progress: Arc::new(move |progress| advance.advance(progress)),
    };
    let clock = || parts.clock.clone();
    for index in 0..parts.config.email_actors {
        let pause = pause(scheduler, EMAIL);
        let actor = |life| EmailActor {
            index,
            life,
            vitals: email.clone(),
            catalogue: parts.catalogue.clone(),
            tools: tools.clone(),
            scheduler: scheduler.clone(),
            mailer: parts.mailer.clone(),
            metrics: parts.metrics.clone(),
            connection: None,
        };
        supervise(
            email.clone(),
            Intensity::USUAL,
            clock(),
            pause,
            |_, life| actor(life),
        );
    }
    for index in 0..parts.config.task_actors {
        let pause = pause(scheduler, TASK);
        let actor = |life| TaskActor {
            index,
            life,
            vitals: task.clone(),
            catalogue: parts.catalogue.clone(),
            tools: tools.clone(),
            scheduler: scheduler.clone(),
        };
        supervise(task.clone(), Intensity::USUAL, clock(), pause, |_, life| {
            actor(life)
        });
    }
}

/// A worker that falls too often stops its queue, before it spends every job's attempts.
fn pause(scheduler: &Scheduler, queue: &'static str) -> impl Fn() + 'static {
    let scheduler = scheduler.clone();
    move || {
        let scheduler = scheduler.clone();
        actix::spawn(async move {
            let because = "its actors fell too often; mend the cause, then resume the queue";
            if let Err(error) = scheduler.pause(queue, because).await {
                tracing::error!(queue, %error, "the queue could not be paused");
            }
        });
    }
}
