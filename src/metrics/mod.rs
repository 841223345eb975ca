//! Every counter and gauge, in one list.
//!
//! Base units (seconds, bytes), and no label whose values are unbounded.

mod exposition;
mod known;
mod process;
mod record;

use std::sync::Arc;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub use process::resident_bytes;

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
    jobs_age: Seconds,
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
            jobs_age: Gauge::default(),
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
            "cadastro_jobs_age_seconds",
            "How long ago the jobs were counted",
            m.jobs_age.clone(),
        );
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
        metrics.know_signups();
        Metrics {
            registry: Arc::new(registry),
            ..metrics
        }
    }
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
