//! Starts the Scheduler: what it is made of, and what it knows before it has read the table.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use actix::{AsyncContext, Context};
use tokio::sync::broadcast;

use super::{
    Scheduler, SchedulerActor,
    crew::Crew,
    crontab::Calendar,
    ends::Ends,
    fresh::Fresh,
    news,
    queues::{Decided, Holds},
    upkeep,
    window::Window,
};
use crate::{
    actors::{
        probe::{Mailbox, Vitals},
        recruiter::Recruiter,
        supervision::{Intensity, supervise},
    },
    clock::Clock,
    jobs::Catalogue,
    metrics::Metrics,
    queue::Watch,
    store::Store,
};

/// How often a page may be told something before it listens; one that is told more often loses nothing but a refresh.
const NEWS: usize = 1024;

/// What the Scheduler is made of.
pub(in crate::actors) struct Parts {
    pub store: Store,
    pub clock: Clock,
    pub catalogue: Catalogue,
    pub metrics: Metrics,
    /// How long this instance keeps its jobs without a sign of life.
    pub lease: Duration,
}

/// Starts the actor; `exceeded` is called should it fall too often.
pub(in crate::actors) fn start(
    parts: Parts,
    vitals: Arc<Vitals>,
    recruiter: impl FnOnce(Scheduler) -> Recruiter,
    exceeded: impl Fn() + 'static,
) -> Scheduler {
    let (changes, _) = broadcast::channel(NEWS);
    let (news, watched) = (changes.clone(), vitals.clone());
    let (store, clock) = (parts.store.clone(), parts.clock.clone());
    let catalogue = parts.catalogue.clone();
    let handle = |address| Scheduler {
        mailbox: Mailbox::new(address, vitals.clone()),
        store: store.clone(),
        clock: clock.clone(),
        catalogue: catalogue.clone(),
        changes: changes.clone(),
    };
    let voice = upkeep::new_name();
    let own = voice.clone();
    let make = |ctx: &mut Context<SchedulerActor>, _| {
        let mut actor = SchedulerActor {
            parts,
            vitals: watched,
            owner: upkeep::new_name(),
            voice: own,
            watch: Watch::default(),
            crew: Crew::new(recruiter(handle(ctx.address()))),
            running: HashMap::new(),
            ends: Ends::default(),
            unwritten: HashSet::new(),
            progress: HashMap::new(),
            progress_is_due: false,
            decided: Decided::default(),
            holds: Holds::default(),
            backlog: BTreeSet::new(),
            fresh: Fresh::default(),
            window: Window::unknown(),
            calendar: Calendar::unknown(),
            timer: None,
            refreshed: None,
            polled: None,
            looked_at: None,
            turning: false,
            again: false,
            entering: false,
            others: true,
            heard: false,
            announcing: false,
            more_news: false,
            stale: true,
            resting: false,
            heed: false,
            unsure: false,
            stopping: false,
            drained: None,
            quiet: Vec::new(),
            changes: news,
        };
        // As the settings say, until the table has been read.
        actor.decide(&[]);
        actor
    };
    let address = supervise(
        vitals.clone(),
        Intensity::USUAL,
        clock.clone(),
        exceeded,
        make,
    );
    let scheduler = handle(address);
    let mailbox = scheduler.mailbox.clone();
    actix::spawn(news::hear(store.clone(), voice, mailbox));
    actix::spawn(news::pass_on(store.followers(), changes.clone()));
    scheduler
}
