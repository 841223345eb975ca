//! The actors that do the work: who is free, and what travels to them and back.

use std::{collections::BTreeMap, sync::Arc};

use actix::{Message, Recipient};
use tokio_util::sync::CancellationToken;

use super::{SchedulerActor, messages::Ended};
use crate::{
    actors::{
        attempt::failed,
        probe::{Mailbox, Named, Post, Vitals},
    },
    queue::{Fault, Outcome},
    store::JobRow,
};

/// An EmailActor or a TaskActor that waits for work.
#[derive(Clone)]
pub(in crate::actors) struct Worker {
    pub queue: &'static str,
    /// Which of its queue's workers it is, from 0.
    pub index: usize,
    pub inbox: Recipient<Post<Run>>,
    pub vitals: Arc<Vitals>,
}

/// A claimed job on its way to a worker.
pub(in crate::actors) struct Run {
    pub job: Arc<JobRow>,
    /// Says stop in the middle.
    pub cancel: CancellationToken,
    pub ticket: Ticket,
}

impl Message for Run {
    type Result = ();
}

impl Named for Run {
    const NAME: &'static str = "run";
}

/// The way back: whatever becomes of the worker, the Scheduler hears of the attempt's end once.
pub(in crate::actors) struct Ticket {
    scheduler: Mailbox<SchedulerActor>,
    job: Arc<JobRow>,
    worker: Worker,
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
            });
        }
    }
}

/// Who is free, by queue.
#[derive(Default)]
pub(super) struct Crew {
    free: BTreeMap<&'static str, BTreeMap<usize, Worker>>,
}

impl Crew {
    /// A worker has nothing to do.
    pub(super) fn add(&mut self, worker: Worker) {
        let queue = self.free.entry(worker.queue).or_default();
        queue.insert(worker.index, worker);
    }

    /// Every queue that is served here.
    pub(super) fn queues(&self) -> impl Iterator<Item = &'static str> {
        self.free.keys().copied()
    }

    /// How many workers of a queue have nothing to do.
    pub(super) fn free(&self, queue: &str) -> usize {
        self.free.get(queue).map_or(0, BTreeMap::len)
    }

    /// Gives a job to a free worker of its queue; `false` says that there is none.
    pub(super) fn hand_out(
        &mut self,
        job: Arc<JobRow>,
        cancel: CancellationToken,
        scheduler: &Mailbox<SchedulerActor>,
    ) -> bool {
        let free = self.free.get_mut(job.queue.as_str());
        let Some((_, worker)) = free.and_then(BTreeMap::pop_first) else {
            return false;
        };
        let ticket = Ticket {
            scheduler: scheduler.clone(),
            job: job.clone(),
            worker: worker.clone(),
            answered: false,
        };
        let run = Run {
            job,
            cancel,
            ticket,
        };
        // A worker that has ended drops the message, and its ticket reports the attempt.
        worker.inbox.do_send(Post::new(run, &worker.vitals));
        true
    }
}
