//! `/metrics`: every family, and true figures.

use std::time::{Duration, Instant};

use cadastro::{
    jobs::{Context, Done, JobError, Task},
    queue::{Job, State},
};
use reqwest::header::ACCEPT;
use serde::{Deserialize, Serialize};

use crate::support::{
    app::TestApp,
    database::{PostgresServer, TestDatabase},
    visitor::{Visitor, filled},
};

/// Every family that others rely on, with its type and its labels.
const FAMILIES: [(&str, &str, &[&str]); 32] = [
    ("cadastro_build_info", "gauge", &["version", "database"]),
    (
        "cadastro_http_requests_total",
        "counter",
        &["method", "route", "status"],
    ),
    (
        "cadastro_http_request_duration_seconds",
        "histogram",
        &["method", "route", "status"],
    ),
    ("cadastro_signups_total", "counter", &["outcome"]),
    ("cadastro_actor_up", "gauge", &["actor"]),
    ("cadastro_actor_mailbox_messages", "gauge", &["actor"]),
    (
        "cadastro_actor_messages_total",
        "counter",
        &["actor", "message"],
    ),
    (
        "cadastro_actor_handle_duration_seconds",
        "histogram",
        &["actor", "message"],
    ),
    (
        "cadastro_actor_restarts_total",
        "counter",
        &["actor", "reason"],
    ),
    ("cadastro_scheduler_next_due_seconds", "gauge", &[]),
    ("cadastro_scheduler_timers", "gauge", &[]),
    ("cadastro_jobs", "gauge", &["queue", "kind", "state"]),
    ("cadastro_jobs_age_seconds", "gauge", &[]),
    (
        "cadastro_jobs_finished_total",
        "counter",
        &["queue", "kind", "outcome"],
    ),
    (
        "cadastro_job_lateness_seconds",
        "histogram",
        &["queue", "kind"],
    ),
    (
        "cadastro_job_duration_seconds",
        "histogram",
        &["queue", "kind"],
    ),
    ("cadastro_queue_oldest_due_seconds", "gauge", &["queue"]),
    ("cadastro_queue_paused", "gauge", &["queue"]),
    ("cadastro_queue_executing", "gauge", &["queue"]),
    ("cadastro_stale_finishes_total", "counter", &[]),
    ("cadastro_lease_renewal_failures_total", "counter", &[]),
    ("cadastro_emails_total", "counter", &["kind", "result"]),
    ("cadastro_db_up", "gauge", &[]),
    ("cadastro_db_pool_connections", "gauge", &["state"]),
    ("cadastro_db_errors_total", "counter", &["class"]),
    ("process_cpu_seconds_total", "counter", &[]),
    ("process_open_fds", "gauge", &[]),
    ("process_max_fds", "gauge", &[]),
    ("process_virtual_memory_bytes", "gauge", &[]),
    ("process_resident_memory_bytes", "gauge", &[]),
    ("process_threads", "gauge", &[]),
    ("process_start_time_seconds", "gauge", &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_family_is_there_and_tells_the_truth() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let receipt = visitor.sign_up("maria").await;
    visitor.post("/signup", &[]).await.with_status(422);
    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt, &[State::Completed]).await;
    // The same address once more, in the name of somebody else.
    let taken = filled("joana", "maria@example.com", "");
    visitor.post("/signup", &taken).await.with_status(303);

    let text = visitor.get("/metrics").await.with_status(200);
    assert!(
        text.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/plain"))
    );
    for (family, kind, labels) in FAMILIES {
        let typed = format!("# TYPE {family} {kind}\n");
        assert!(text.body.contains(&typed), "{family}\n{}", text.body);
        let sample = if kind == "histogram" {
            format!("{family}_count")
        } else {
            family.to_owned()
        };
        let line = text.body.lines().find(|line| {
            line.strip_prefix(&sample)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        let line = line.unwrap_or_else(|| panic!("no sample of {sample}\n{}", text.body));
        let told: Vec<&str> = match line.split_once('{') {
            None => Vec::new(),
            Some((_, rest)) => {
                let inside = rest.split_once('}').expect("a closing brace").0;
                inside
                    .split("\",")
                    .filter_map(|label| Some(label.split_once('=')?.0))
                    .collect()
            }
        };
        assert_eq!(told, labels, "{line}");
    }
    for sample in [
        "cadastro_signups_total{outcome=\"created\"} 1",
        "cadastro_signups_total{outcome=\"invalid\"} 1",
        "cadastro_signups_total{outcome=\"duplicate\"} 1",
        "cadastro_jobs{queue=\"email\",kind=\"welcome_email\",state=\"discarded\"} 0",
        "cadastro_emails_total{kind=\"welcome_email\",result=\"accepted\"} 1",
        "cadastro_actor_up{actor=\"task\"} 16",
        "cadastro_actor_mailbox_messages{actor=\"scheduler\"} 0",
        "cadastro_db_up 1",
        "cadastro_http_requests_total{method=\"POST\",route=\"/signup\",status=\"422\"} 1",
    ] {
        assert!(
            text.body.contains(&format!("{sample}\n")),
            "{sample}\n{}",
            text.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_openmetrics_gets_it() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let asked = Visitor::new(&app).with(ACCEPT, "application/openmetrics-text");
    let text = asked.get("/metrics").await.with_status(200);
    let kind = text.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(text.body.ends_with("# EOF\n"));
}

/// A task that panics.
#[derive(Deserialize, Serialize)]
struct Panics {}

impl Job for Panics {
    const KIND: &'static str = "panics";
}

impl Task for Panics {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        panic!("the job met something unexpected")
    }
}

/// Asks until all of it is told: the Scheduler shows how things stand after each of its turns.
async fn told(visitor: &Visitor, samples: &[&str]) {
    let begun = Instant::now();
    loop {
        let text = visitor.get("/metrics").await.with_status(200).body;
        let is_missing = |sample: &&&str| !text.contains(&format!("{sample}\n"));
        let Some(sample) = samples.iter().find(is_missing) else {
            return;
        };
        assert!(begun.elapsed() < PATIENCE, "{sample}\n{text}");
    }
}

/// How long a figure may be on its way.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn every_counter_whose_labels_are_known_begins_at_zero() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let mut expected = Vec::new();
    for outcome in ["created", "invalid", "duplicate", "throttled", "error"] {
        expected.push(format!("cadastro_signups_total{{outcome=\"{outcome}\"}} 0"));
    }
    for actor in ["registrar", "scheduler", "email", "task"] {
        for reason in ["panic", "error", "timeout"] {
            let labels = format!("actor=\"{actor}\",reason=\"{reason}\"");
            expected.push(format!("cadastro_actor_restarts_total{{{labels}}} 0"));
        }
    }
    for (queue, kind) in [
        ("email", "welcome_email"),
        ("task", "simple_task"),
        ("task", "parameter_task"),
    ] {
        let job = format!("queue=\"{queue}\",kind=\"{kind}\"");
        for outcome in [
            "completed",
            "retried",
            "discarded",
            "cancelled",
            "snoozed",
            "rescued",
        ] {
            let labels = format!("{job},outcome=\"{outcome}\"");
            expected.push(format!("cadastro_jobs_finished_total{{{labels}}} 0"));
        }
        for state in State::ALL {
            expected.push(format!("cadastro_jobs{{{job},state=\"{state}\"}} 0"));
        }
        expected.push(format!("cadastro_job_lateness_seconds_count{{{job}}} 0"));
        expected.push(format!("cadastro_job_duration_seconds_count{{{job}}} 0"));
    }
    for result in ["accepted", "temporary", "permanent"] {
        let labels = format!("kind=\"welcome_email\",result=\"{result}\"");
        expected.push(format!("cadastro_emails_total{{{labels}}} 0"));
    }
    for class in ["away", "conflict", "unusable", "fault"] {
        expected.push(format!("cadastro_db_errors_total{{class=\"{class}\"}} 0"));
    }
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    told(&Visitor::new(&app), &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_told_by_where_they_stand() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let receipt = visitor.sign_up("maria").await;
        app.advance(Duration::from_secs(10));
        app.receipt_reaches(&receipt, &[State::Completed]).await;
        let completed = [
            "cadastro_jobs{queue=\"email\",kind=\"welcome_email\",state=\"completed\"} 1",
            "cadastro_jobs{queue=\"task\",kind=\"simple_task\",state=\"completed\"} 1",
            "cadastro_jobs{queue=\"task\",kind=\"simple_task\",state=\"executing\"} 0",
        ];
        told(&visitor, &completed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fall_and_a_queue_that_lags_are_told() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database).jobs(|jobs| jobs.task::<Panics>());
    let app = app.start().await;
    let enqueued = app.scheduler.enqueue(vec![Panics {}.now()]).await;
    let id = enqueued.expect("enqueued")[0].id;
    let find = |store: cadastro::store::Store| async move {
        let job = store.job(id).await.expect("an answer");
        job.into_iter().collect()
    };
    app.until(find, |jobs| {
        jobs.iter().all(|job| job.state == State::Retryable)
    })
    .await;
    let paused = app.scheduler.pause("task", "a test").await;
    paused.expect("paused");
    // Due at once, and longer than the one that is to be tried again.
    let enqueued = app.scheduler.enqueue(vec![Panics {}.now()]).await;
    enqueued.expect("enqueued");
    app.clock.advance(Duration::from_secs(60));
    let expected = [
        "cadastro_actor_restarts_total{actor=\"task\",reason=\"panic\"} 1",
        "cadastro_queue_paused{queue=\"task\"} 1",
        "cadastro_queue_paused{queue=\"email\"} 0",
        "cadastro_queue_oldest_due_seconds{queue=\"email\"} 0.0",
        "cadastro_queue_oldest_due_seconds{queue=\"task\"} 60.0",
    ];
    told(&Visitor::new(&app), &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_told_and_no_job_is_shown_as_if_it_were_counted() {
    let server = PostgresServer::new();
    let app = TestApp::start(&TestDatabase::on(&server)).await;
    let visitor = Visitor::new(&app);
    told(&visitor, &["cadastro_db_up 1"]).await;
    server.stop();
    visitor.get("/readyz").await.with_status(503);
    let text = visitor.get("/metrics").await.with_status(200).body;
    assert!(text.contains("\ncadastro_db_up 0\n"), "{text}");
    assert!(!text.contains("\ncadastro_jobs{"), "{text}");
    let errors = text
        .lines()
        .find_map(|line| line.strip_prefix("cadastro_db_errors_total{class=\"away\"} "));
    let errors: u64 = errors.expect("the class").parse().expect("a number");
    assert!(errors > 0);
}
