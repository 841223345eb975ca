//! The actors that do the work: how many there are to be, who is free, and what travels to them and back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use actix::{Message, Recipient};

use super::SchedulerActor;
use crate::{
    actors::{
        attempt::failed,
        probe::{Mailbox, Named, Post, Vitals},
        recruiter::Recruiter,
        stop::Stop,
    },
    queue::{Fault, Outcome},
    store::JobRow,
};

/// An EmailActor or a TaskActor that waits for work.
pub(in crate::actors) struct Worker {
    pub queue: Arc<str>,
    /// Which of its queue's workers it is, from 0.
    pub index: usize,
    pub runs: Recipient<Post<Run>>,
    pub reports: Recipient<Post<Report>>,
    pub vitals: Arc<Vitals>,
}

/// A claimed job on its way to a worker.
pub(in crate::actors) struct Run {
    pub job: Arc<JobRow>,
    pub stop: Stop,
    pub ticket: Ticket,
}

impl Message for Run {
    type Result = ();
}

impl Named for Run {
    const NAME: &'static str = "run";
}

/// Say whether you are free, once the attempt that is under way has ended: a new shift begins.
pub(in crate::actors) struct Report {
    pub shift: u64,
}

impl Message for Report {
    type Result = ();
}

impl Named for Report {
    const NAME: &'static str = "report";
}

/// An attempt has ended.
pub(super) struct Ended {
    pub job: Arc<JobRow>,
    pub outcome: Outcome,
    /// The worker, if it is free for the next job.
    pub free: Option<Arc<Worker>>,
    pub shift: u64,
}

impl Message for Ended {
    type Result = ();
}

impl Named for Ended {
    const NAME: &'static str = "ended";
}

/// The way back: whatever becomes of the worker, the Scheduler hears of the attempt's end once.
pub(in crate::actors) struct Ticket {
    scheduler: Mailbox<SchedulerActor>,
    job: Arc<JobRow>,
    worker: Arc<Worker>,
    shift: u64,
    answered: bool,
}

impl Ticket {
    /// Reports how the attempt ended. With `stays` the worker takes the next job at once; else it is
    /// about to be restarted, and says itself when it is ready.
    pub(in crate::actors) fn answer(mut self, outcome: Outcome, stays: bool) {
        self.answered = true;
        self.scheduler.tell(Ended {
            job: self.job.clone(),
            outcome,
            free: stays.then(|| self.worker.clone()),
            shift: self.shift,
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.answered {
            let said = "the actor fell in the middle of this attempt";
            self.scheduler.tell(Ended {
                job: self.job.clone(),
                outcome: failed(Fault::Actor, said.to_owned()),
                free: None,
                shift: self.shift,
            });
        }
    }
}

/// The workers of each queue, and who of them is free.
pub(super) struct Crew {
    recruiter: Recruiter,
    teams: BTreeMap<Arc<str>, Team>,
    /// Every fall of the Scheduler begins another. Whoever was free in the last one may be at work in
    /// this one, so that only what is said in this one counts.
    shift: u64,
}

/// The workers of one queue, by index.
#[derive(Default)]
struct Team {
    /// How many there are to be: those from 0 up to here.
    size: usize,
    hired: BTreeSet<usize>,
    /// All that have reported: an actor whose address nobody holds is not restarted, and ends.
    workers: BTreeMap<usize, Arc<Worker>>,
    free: BTreeSet<usize>,
}

impl Crew {
    pub(super) fn new(recruiter: Recruiter) -> Self {
        Crew {
            recruiter,
            teams: BTreeMap::new(),
            shift: 0,
        }
    }

    /// How many workers a queue has of which nobody has decided it.
    pub(super) fn usual(&self, queue: &str) -> usize {
        self.recruiter.usual(queue)
    }

    /// Has so many workers serve each queue from now on, and no other queue.
    ///
    /// Those above the size get no work any more; whoever is at work ends it first.
    ///
    /// `false` says that somebody could not be hired.
    pub(super) fn staff(&mut self, sizes: BTreeMap<Arc<str>, usize>) -> bool {
        let mut complete = true;
        for (queue, team) in &mut self.teams {
            team.size = sizes.get(queue).copied().unwrap_or_default();
            for index in team.free.split_off(&team.size) {
                team.dismiss(index);
            }
        }
        for (queue, size) in sizes {
            let team = self.teams.entry(queue.clone()).or_default();
            team.size = size;
            for index in 0..size {
                if team.hired.contains(&index) {
                    continue;
                }
                if let Err(error) = self.recruiter.hire(&queue, index) {
                    tracing::error!(queue = &*queue, %error, "the queue got no more actors");
                    complete = false;
                    break;
                }
                team.hired.insert(index);
            }
        }
        self.close();
        complete
    }

    /// A worker said in `shift` that it has nothing to do.
    pub(super) fn add(&mut self, worker: Arc<Worker>, shift: u64) {
        let team = self.teams.entry(worker.queue.clone()).or_default();
        if worker.index >= team.size {
            team.dismiss(worker.index);
            return self.close();
        }
        if shift == self.shift {
            team.free.insert(worker.index);
        }
        team.workers.insert(worker.index, worker);
    }

    /// Shuts the queues that are no more, once the last of their workers has gone.
    fn close(&mut self) {
        let gone = |team: &Team| team.size == 0 && team.hired.is_empty();
        for (queue, _) in self.teams.extract_if(.., |_, team| gone(team)) {
            self.recruiter.close(&queue);
        }
    }

    /// Forgets who is free, and asks everybody.
    pub(super) fn begin_shift(&mut self) {
        self.shift += 1;
        for team in self.teams.values_mut() {
            team.free.clear();
            for worker in team.workers.values() {
                let report = Report { shift: self.shift };
                worker.reports.do_send(Post::new(report, &worker.vitals));
            }
        }
    }

    /// Every queue that is served here.
    pub(super) fn queues(&self) -> impl Iterator<Item = &Arc<str>> {
        self.teams.keys()
    }

    /// The queue of this name, if it is served here.
    pub(super) fn serves(&self, queue: &str) -> Option<Arc<str>> {
        let served = self.teams.get_key_value(queue);
        served.map(|(queue, _)| queue.clone())
    }

    /// How many workers of a queue have nothing to do.
    pub(super) fn free(&self, queue: &str) -> usize {
        self.teams.get(queue).map_or(0, |team| team.free.len())
    }

    /// A free worker of a queue, who is not free any more; none where there is none.
    pub(super) fn reserve(&mut self, queue: &str) -> Option<Arc<Worker>> {
        let team = self.teams.get_mut(queue)?;
        let index = team.free.pop_first()?;
        team.workers.get(&index).cloned()
    }

    /// Gives a job to a worker that was reserved for it.
    pub(super) fn hand_out(
        &self,
        job: Arc<JobRow>,
        stop: Stop,
        worker: Arc<Worker>,
        scheduler: &Mailbox<SchedulerActor>,
    ) {
        let ticket = Ticket {
            scheduler: scheduler.clone(),
            job: job.clone(),
            worker: worker.clone(),
            shift: self.shift,
            answered: false,
        };
        let run = Run { job, stop, ticket };
        // A worker that has ended drops the message, and its ticket reports the attempt.
        worker.runs.do_send(Post::new(run, &worker.vitals));
    }
}

impl Team {
    fn dismiss(&mut self, index: usize) {
        self.hired.remove(&index);
        self.free.remove(&index);
        self.workers.remove(&index);
    }
}
