//! Hires the workers of any queue: EmailActors for `email`, TaskActors for every other.

use std::{collections::BTreeMap, io, sync::Arc};

use actix::{Actor, Context, Supervised};

use super::{
    Foundations, Scheduler, Tree,
    email::EmailActor,
    probe::Vitals,
    spawner::Spawner,
    station::{Bench, Station},
    supervision::{Intensity, supervise},
    system::Rooms,
    task::TaskActor,
    tools,
};
use crate::{
    clock::Clock,
    config::Config,
    jobs::{Catalogue, Tools},
    mail::Mailer,
    metrics::Metrics,
    queue::{EMAIL, TASK, Takes, WORKERS},
};

/// What workers are made with.
pub(super) struct Recruiter {
    scheduler: Scheduler,
    catalogue: Catalogue,
    clock: Clock,
    config: Arc<Config>,
    mailer: Mailer,
    metrics: Metrics,
    rooms: Rooms,
    tools: Tools,
    tree: Tree,
    teams: BTreeMap<Arc<str>, Team>,
}

/// What the workers of one queue share.
#[derive(Clone)]
struct Team {
    vitals: Arc<Vitals>,
    bench: Bench,
}

impl Recruiter {
    pub(super) fn new(parts: &Foundations, scheduler: Scheduler, rooms: Rooms, tree: Tree) -> Self {
        Recruiter {
            tools: tools(parts, &scheduler),
            scheduler,
            catalogue: parts.catalogue.clone(),
            clock: parts.clock.clone(),
            config: parts.config.clone(),
            mailer: parts.mailer.clone(),
            metrics: parts.metrics.clone(),
            rooms,
            tree,
            teams: BTreeMap::new(),
        }
    }

    /// How many workers a queue has of which nobody has decided it.
    pub(super) fn usual(&self, queue: &str) -> usize {
        match queue {
            EMAIL => self.config.email_actors,
            TASK => self.config.task_actors,
            _ => WORKERS,
        }
    }

    /// Starts one more worker of a queue: that of this index.
    ///
    /// # Errors
    ///
    /// When the system refuses the threads that a new queue needs.
    pub(super) fn hire(&mut self, queue: &Arc<str>, index: usize) -> io::Result<()> {
        let team = self.team(queue)?;
        match Takes::of(queue) {
            Takes::Letters => self.start(queue, index, team, |station| EmailActor {
                station,
                mailer: self.mailer.clone(),
                metrics: self.metrics.clone(),
                connection: None,
            }),
            Takes::Tasks => self.start(queue, index, team, TaskActor),
        }
        Ok(())
    }

    /// The last worker of a queue that is no more has gone.
    pub(super) fn close(&mut self, queue: &str) {
        if let Some(team) = self.teams.remove(queue) {
            self.tree.remove(&team.vitals);
            self.rooms.close(queue);
            self.metrics.forget_queue(queue);
        }
    }

    fn team(&mut self, queue: &Arc<str>) -> io::Result<Team> {
        if let Some(team) = self.teams.get(queue) {
            return Ok(team.clone());
        }
        let kind = match Takes::of(queue) {
            Takes::Letters => "EmailActor",
            Takes::Tasks => "TaskActor",
        };
        let bench = Bench {
            catalogue: self.catalogue.clone(),
            tools: self.tools.clone(),
            spawner: Spawner::new(self.rooms.of(queue)?),
        };
        let vitals = Vitals::new(queue.clone(), kind, Some("scheduler"), &self.metrics);
        self.tree.add(vitals.clone());
        let team = Team { vitals, bench };
        self.teams.insert(queue.clone(), team.clone());
        Ok(team)
    }

    fn start<A>(&self, queue: &Arc<str>, index: usize, team: Team, make: impl Fn(Station) -> A)
    where
        A: Supervised + Actor<Context = Context<A>>,
    {
        let Team { vitals, bench } = team;
        let pause = pause(&self.scheduler, queue.clone());
        let (queue, scheduler) = (queue.clone(), self.scheduler.clone());
        let clock = self.clock.clone();
        supervise(vitals.clone(), Intensity::USUAL, clock, pause, |_, life| {
            make(Station::new(queue, index, life, vitals, scheduler, bench))
        });
    }
}

/// A worker that falls too often stops its queue, before it spends every job's attempts.
fn pause(scheduler: &Scheduler, queue: Arc<str>) -> impl Fn() + 'static {
    let scheduler = scheduler.clone();
    move || {
        let (scheduler, queue) = (scheduler.clone(), queue.clone());
        actix::spawn(async move {
            let because = "its actors fell too often; mend the cause, then resume the queue";
            if let Err(error) = scheduler.pause(&queue, because).await {
                tracing::error!(queue = &*queue, %error, "the queue could not be paused");
            }
        });
    }
}
