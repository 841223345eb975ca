//! What happens, counted: one method for each thing that can be told.

use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};

use super::{Labels, Metrics};

impl Metrics {
    /// A request was answered.
    pub fn http(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        self.http_requests.get_or_create(&labels).inc();
        self.http_duration
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// A sign-up was answered: created, invalid, duplicate, throttled or error.
    pub fn signup(&self, outcome: &'static str) {
        self.signups
            .get_or_create(&[("outcome", outcome.to_owned())])
            .inc();
    }

    /// Instances of this actor that run.
    pub fn actor_up(&self, actor: &str) -> Gauge {
        self.actor_up
            .get_or_create_owned(&[("actor", actor.to_owned())])
    }

    /// Messages that wait in this actor's mailboxes.
    pub fn mailbox(&self, actor: &str) -> Gauge {
        self.actor_mailbox
            .get_or_create_owned(&[("actor", actor.to_owned())])
    }

    /// The supervisor restarted this actor: panic, error or timeout.
    pub fn restarted(&self, actor: &str, reason: &'static str) {
        self.actor_restarts
            .get_or_create(&[("actor", actor.to_owned()), ("reason", reason.to_owned())])
            .inc();
    }

    /// How often this actor has handled this message, and how long that took.
    pub fn handling(&self, actor: &str, message: &'static str) -> (Counter, Histogram) {
        let labels = [("actor", actor.to_owned()), ("message", message.to_owned())];
        (
            self.actor_messages.get_or_create_owned(&labels),
            self.actor_handling.get_or_create_owned(&labels),
        )
    }

    /// Replaces what is known of jobs by state, as of so long ago: the counts are (queue, kind, state, jobs).
    pub fn set_jobs(
        &self,
        counts: impl IntoIterator<Item = (String, String, &'static str, i64)>,
        age: Option<Duration>,
    ) {
        // Not a number: there is no count whose age it could be.
        self.jobs_age
            .set(age.map_or(f64::NAN, |age| age.as_secs_f64()));
        self.jobs.clear();
        for (queue, kind, state, jobs) in counts {
            self.jobs
                .get_or_create(&[
                    ("queue", queue),
                    ("kind", kind),
                    ("state", state.to_owned()),
                ])
                .set(jobs);
        }
    }

    /// An attempt began so long after its job was due.
    pub fn job_started(&self, queue: &str, kind: &str, lateness: Duration) {
        self.job_lateness
            .get_or_create(&of_job(queue, kind))
            .observe(lateness.as_secs_f64());
    }

    /// An attempt ended.
    pub fn job_ended(&self, queue: &str, kind: &str, outcome: &'static str, took: Duration) {
        let [queue, kind] = of_job(queue, kind);
        self.job_duration
            .get_or_create(&[queue.clone(), kind.clone()])
            .observe(took.as_secs_f64());
        self.jobs_finished
            .get_or_create(&[queue, kind, ("outcome", outcome.to_owned())])
            .inc();
    }

    /// How long the oldest due job of a queue has waited.
    pub fn set_oldest_due(&self, queue: &str, waited: Duration) {
        self.queue_oldest_due
            .get_or_create(&[("queue", queue.to_owned())])
            .set(waited.as_secs_f64());
    }

    /// Whether a queue is paused.
    pub fn set_paused(&self, queue: &str, paused: bool) {
        self.queue_paused
            .get_or_create(&[("queue", queue.to_owned())])
            .set(paused.into());
    }

    /// Attempts of a queue that are under way on this instance.
    pub fn set_executing(&self, queue: &str, attempts: usize) {
        self.queue_executing
            .get_or_create(&[("queue", queue.to_owned())])
            .set(attempts as i64);
    }

    /// There is no such queue any more, nor its actors.
    pub fn forget_queue(&self, queue: &str) {
        let of_queue = [("queue", queue.to_owned())];
        self.queue_oldest_due.remove(&of_queue);
        self.queue_paused.remove(&of_queue);
        self.queue_executing.remove(&of_queue);
        let of_actor = [("actor", queue.to_owned())];
        self.actor_up.remove(&of_actor);
        self.actor_mailbox.remove(&of_actor);
    }

    /// A letter was answered: accepted, temporary or permanent.
    pub fn email(&self, kind: &str, result: &'static str) {
        self.emails
            .get_or_create(&[("kind", kind.to_owned()), ("result", result.to_owned())])
            .inc();
    }

    /// How many connections to the database are in a state.
    pub fn set_db_connections(&self, state: &'static str, connections: usize) {
        self.db_connections
            .get_or_create(&[("state", state.to_owned())])
            .set(connections as i64);
    }

    /// A question to the database had no answer.
    pub fn db_error(&self, class: &'static str) {
        self.db_errors
            .get_or_create(&[("class", class.to_owned())])
            .inc();
    }
}

pub(super) fn of_job(queue: &str, kind: &str) -> Labels<2> {
    [("queue", queue.to_owned()), ("kind", kind.to_owned())]
}
