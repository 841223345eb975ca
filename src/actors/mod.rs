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
mod report;
mod scheduler;
mod station;
mod supervision;
mod system;
mod task;
mod tree;

use std::{io, sync::Arc};

use actix::{Actor, Context, Supervised};

use crate::{
    account::Hasher,
    clock::Clock,
    config::Config,
    jobs::{Catalogue, Tools},
    mail::Mailer,
    metrics::Metrics,
    queue::{EMAIL, Ending, TASK},
    store::Store,
    text::Text,
};
pub use ask::AskError;
use email::EmailActor;
use probe::Vitals;
pub use registrar::{Door, Given, Held, LogInError, LoggedIn, Registrar, SignUpError};
pub use report::{ActorReport, LastRestart};
pub use scheduler::{Change, EditError, EnqueueError, Enqueuing, Scheduler};
use station::{Bench, Station};
use supervision::{Intensity, supervise};
pub(crate) use system::spawn;
pub use system::{Threads, block_on};
use task::TaskActor;
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
    /// Those of the jobs; whoever drops them ends what still runs on them.
    pub threads: [Threads; 2],
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
    let threads = [Threads::start(EMAIL)?, Threads::start(TASK)?];
    let [letters, tasks] = &threads;
    let tools = tools(&parts, &scheduler);
    let team = |queue, vitals: Arc<Vitals>, threads: &Threads| Team {
        queue,
        vitals,
        scheduler: scheduler.clone(),
        clock: parts.clock.clone(),
        bench: Bench {
            catalogue: parts.catalogue.clone(),
            tools: tools.clone(),
            threads: threads.handle(),
        },
    };
    team(EMAIL, email, letters).start(parts.config.email_actors, |station| EmailActor {
        station,
        mailer: parts.mailer.clone(),
        metrics: parts.metrics.clone(),
        connection: None,
    });
    team(TASK, task, tasks).start(parts.config.task_actors, TaskActor);
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
        threads,
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

/// The workers of one queue, before they start.
struct Team {
    queue: &'static str,
    vitals: Arc<Vitals>,
    scheduler: Scheduler,
    clock: Clock,
    bench: Bench,
}

impl Team {
    /// Starts so many actors, each made from its station.
    fn start<A>(self, instances: usize, make: impl Fn(Station) -> A)
    where
        A: Supervised + Actor<Context = Context<A>>,
    {
        for index in 0..instances {
            let pause = pause(&self.scheduler, self.queue);
            let (clock, vitals) = (self.clock.clone(), self.vitals.clone());
            supervise(vitals.clone(), Intensity::USUAL, clock, pause, |_, life| {
                make(Station::new(
                    self.queue,
                    index,
                    life,
                    vitals,
                    self.scheduler.clone(),
                    self.bench.clone(),
                ))
            });
        }
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
