//! `/metrics`: every family, and true figures.

use std::time::Duration;

use cadastro::queue::State;

use crate::support::{app::TestApp, database::TestDatabase, visitor::Visitor};

/// Every family that others rely on, with its type and its labels.
const FAMILIES: [(&str, &str, &[&str]); 28] = [
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
    ("cadastro_scheduler_next_due_seconds", "gauge", &[]),
    ("cadastro_scheduler_timers", "gauge", &[]),
    ("cadastro_jobs", "gauge", &["queue", "kind", "state"]),
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
    ("cadastro_queue_paused", "gauge", &["queue"]),
    ("cadastro_queue_executing", "gauge", &["queue"]),
    ("cadastro_stale_finishes_total", "counter", &[]),
    ("cadastro_lease_renewal_failures_total", "counter", &[]),
    ("cadastro_emails_total", "counter", &["kind", "result"]),
    ("cadastro_db_up", "gauge", &[]),
    ("cadastro_db_pool_connections", "gauge", &["state"]),
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
        "cadastro_jobs{queue=\"email\",kind=\"welcome_email\",state=\"completed\"} 1",
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
    let asked = Visitor::new(&app).with(reqwest::header::ACCEPT, "application/openmetrics-text");
    let text = asked.get("/metrics").await.with_status(200);
    let kind = text.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(text.body.ends_with("# EOF\n"));
}
