//! Every counter and gauge, in one list.
//!
//! Base units (seconds, bytes), and no label whose values are unbounded.

mod process;

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Label names with their values.
pub type Labels<const N: usize> = [(&'static str, String); N];

type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;
type Seconds = Gauge<f64, std::sync::atomic::AtomicU64>;
type SecondsOf<const N: usize> = Family<Labels<N>, Seconds>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// What the program counts. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    http_requests: Counters<3>,
    http_duration: Histograms<3>,
    signups: Counters<1>,
    actor_up: Gauges<1>,
    actor_mailbox: Gauges<1>,
    actor_messages: Counters<2>,
    actor_handling: Histograms<2>,
    actor_restarts: Counters<2>,
    /// From now to the next due instant; 0 where nothing is scheduled.
    pub next_due: Seconds,
    /// Due instants held in the Scheduler's window.
    pub timers: Gauge,
    jobs: Gauges<3>,
    jobs_finished: Counters<3>,
    job_lateness: Histograms<2>,
    job_duration: Histograms<2>,
    queue_oldest_due: SecondsOf<1>,
    queue_paused: Gauges<1>,
    queue_executing: Gauges<1>,
    /// Attempts that ended after they had been taken away from their owner.
    pub stale_finishes: Counter,
    /// Leases that could not be renewed in time.
    pub lease_renewal_failures: Counter,
    emails: Counters<2>,
    /// 1 while the database answers.
    pub db_up: Gauge,
    db_connections: Gauges<1>,
    db_errors: Counters<1>,
}

impl Metrics {
    /// All families at their beginning; `database` is `sqlite` or `postgres`.
    pub fn new(database: &str) -> Self {
        let mut registry = Registry::default();
        let build = Gauges::<2>::default();
        let metrics = Metrics {
            registry: Arc::default(),
            http_requests: Family::default(),
            http_duration: Family::new_with_constructor(quick),
            signups: Family::default(),
            actor_up: Family::default(),
            actor_mailbox: Family::default(),
            actor_messages: Family::default(),
            actor_handling: Family::new_with_constructor(quick),
            actor_restarts: Family::default(),
            next_due: Gauge::default(),
            timers: Gauge::default(),
            jobs: Family::default(),
            jobs_finished: Family::default(),
            job_lateness: Family::new_with_constructor(quick),
            job_duration: Family::new_with_constructor(slow),
            queue_oldest_due: Family::default(),
            queue_paused: Family::default(),
            queue_executing: Family::default(),
            stale_finishes: Counter::default(),
            lease_renewal_failures: Counter::default(),
            emails: Family::default(),
            db_up: Gauge::default(),
            db_connections: Family::default(),
            db_errors: Family::default(),
        };
        let r = &mut registry;
        let m = &metrics;
        r.register("cadastro_build_info", "What is running", build.clone());
        r.register(
            "cadastro_http_requests",
            "Requests answered",
            m.http_requests.clone(),
        );
        r.register(
            "cadastro_http_request_duration_seconds",
            "From the request's head to the answer's",
            m.http_duration.clone(),
        );
        r.register(
            "cadastro_signups",
            "Sign-ups by what became of them",
            m.signups.clone(),
        );
        r.register(
            "cadastro_actor_up",
            "Instances of the actor that run",
            m.actor_up.clone(),
        );
        r.register(
            "cadastro_actor_mailbox_messages",
            "Messages that wait in the actor's mailboxes",
            m.actor_mailbox.clone(),
        );
        r.register(
            "cadastro_actor_messages",
            "Messages handled",
            m.actor_messages.clone(),
        );
        r.register(
            "cadastro_actor_handle_duration_seconds",
            "From taking a message to its answer",
            m.actor_handling.clone(),
        );
        r.register(
            "cadastro_actor_restarts",
            "Restarts by the supervisor",
            m.actor_restarts.clone(),
        );
        r.register(
            "cadastro_scheduler_next_due_seconds",
            "Until the next job falls due; 0 if none is scheduled",
            m.next_due.clone(),
        );
        r.register(
            "cadastro_scheduler_timers",
            "Due instants in the Scheduler's window",
            m.timers.clone(),
        );
        r.register("cadastro_jobs", "Jobs by where they stand", m.jobs.clone());
        r.register(
            "cadastro_jobs_finished",
            "Attempts by how they ended",
            m.jobs_finished.clone(),
        );
        r.register(
            "cadastro_job_lateness_seconds",
            "From a job's due instant to its start",
            m.job_lateness.clone(),
        );
        r.register(
            "cadastro_job_duration_seconds",
            "From an attempt's start to its end",
            m.job_duration.clone(),
        );
        r.register(
            "cadastro_queue_oldest_due_seconds",
            "How long the oldest due job has waited",
            m.queue_oldest_due.clone(),
        );
        r.register(
            "cadastro_queue_paused",
            "1 while nothing is claimed from the queue",
            m.queue_paused.clone(),
        );
        r.register(
            "cadastro_queue_executing",
            "Attempts under way on this instance",
            m.queue_executing.clone(),
        );
        r.register(
            "cadastro_stale_finishes",
            "Attempts that ended after their owner had lost them",
            m.stale_finishes.clone(),
        );
        r.register(
            "cadastro_lease_renewal_failures",
            "Leases that could not be renewed in time",
            m.lease_renewal_failures.clone(),
        );
        r.register(
            "cadastro_emails",
            "Letters by the answer they got",
            m.emails.clone(),
        );
        r.register(
            "cadastro_db_up",
            "1 while the database answers",
            m.db_up.clone(),
        );
        r.register(
            "cadastro_db_pool_connections",
            "Connections to the database",
            m.db_connections.clone(),
        );
        r.register(
            "cadastro_db_errors",
            "Questions to the database that had no answer",
            m.db_errors.clone(),
        );
        r.register_collector(Box::new(process::ProcessCollector));
        build
            .get_or_create(&[
                ("version", env!("CARGO_PKG_VERSION").to_owned()),
                ("database", database.to_owned()),
            ])
            .set(1);
        for outcome in ["created", "invalid", "duplicate", "throttled", "error"] {
            // Shown from the start, so that a rate can be taken of the first one.
            drop(
                metrics
                    .signups
                    .get_or_create(&[("outcome", outcome.to_owned())]),
            );
        }
        Metrics {
            registry: Arc::new(registry),
            ..metrics
        }
    }

    /// The exposition: OpenMetrics, or the older Prometheus text.
    pub fn render(&self, openmetrics: bool) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        if openmetrics { text } else { prometheus(&text) }
    }

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
    pub fn actor_up(&self, actor: &'static str) -> Gauge {
        self.actor_up
            .get_or_create_owned(&[("actor", actor.to_owned())])
    }

    /// Messages that wait in this actor's mailboxes.
    pub fn mailbox(&self, actor: &'static str) -> Gauge {
        self.actor_mailbox
            .get_or_create_owned(&[("actor", actor.to_owned())])
    }

    /// The supervisor restarted this actor: panic, error or timeout.
    pub fn restarted(&self, actor: &'static str, reason: &'static str) {
        self.actor_restarts
            .get_or_create(&[("actor", actor.to_owned()), ("reason", reason.to_owned())])
            .inc();
    }

    /// How often this actor has handled this message, and how long that took.
    pub fn handling(&self, actor: &'static str, message: &'static str) -> (Counter, Histogram) {
        let labels = [("actor", actor.to_owned()), ("message", message.to_owned())];
        (
            self.actor_messages.get_or_create_owned(&labels),
            self.actor_handling.get_or_create_owned(&labels),
        )
    }

    /// Replaces what is known of jobs by state: the counts are (queue, kind, state, jobs).
    pub fn set_jobs(&self, counts: impl IntoIterator<Item = (String, String, &'static str, i64)>) {
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

fn of_job(queue: &str, kind: &str) -> Labels<2> {
    [("queue", queue.to_owned()), ("kind", kind.to_owned())]
}

/// For what takes a fraction of a second: 0.1 ms to 10 s.
fn quick() -> Histogram {
    Histogram::new([
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
        10.0,
    ])
}

/// For what may take minutes: 1 ms to 10 min.
fn slow() -> Histogram {
    Histogram::new([
        0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0,
    ])
}

/// Rewrites OpenMetrics as the older text: there a counter's family bears the sample's name.
fn prometheus(openmetrics: &str) -> String {
    let counters: Vec<&str> = openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(openmetrics.len());
    for line in openmetrics.lines().filter(|line| *line != "# EOF") {
        let head = line
            .strip_prefix("# ")
            .and_then(|rest| rest.split_once(' '));
        match head.and_then(|(word, rest)| Some((word, rest.split_once(' ')?))) {
            Some((word @ ("TYPE" | "HELP"), (family, rest))) if counters.contains(&family) => {
                text.push_str(&format!("# {word} {family}_total {rest}\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_name_a_counter_as_their_readers_expect() {
        let metrics = Metrics::new("sqlite");
        metrics.signup("created");
        let open = metrics.render(true);
        assert!(open.contains("# TYPE cadastro_signups counter\n"));
        assert!(open.ends_with("# EOF\n"));
        let old = metrics.render(false);
        assert!(old.contains("# TYPE cadastro_signups_total counter\n"));
        assert!(old.contains("cadastro_signups_total{outcome=\"created\"} 1\n"));
        assert!(!old.contains("EOF"));
    }

    #[test]
    fn the_process_tells_of_itself() {
        let text = Metrics::new("sqlite").render(false);
        for family in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
        ] {
            assert!(
                text.lines().any(|line| line.starts_with(family)),
                "{family}\n{text}"
            );
        }
    }
}
