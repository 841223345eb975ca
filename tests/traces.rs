//! A request's trace goes along with the jobs that come of it.

use std::{collections::BTreeSet, time::Duration};

use cadastro::{
    jobs::{Context, Done, JobError, Task},
    queue::{Flow, Job, NewJob, State},
    store::{JobRow, Store},
    telemetry::{Trace, trace},
};
use reqwest::header::HeaderName;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    program::Program,
    visitor::{PASSWORD, TOKEN, Visitor, receipt_of},
};

const OURS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const THEIRS: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A visitor whose browser, or the proxy before us, tells in which trace it stands.
fn traced(app: &TestApp, trace: &str) -> Visitor {
    Visitor::new(app).with(traceparent(), trace)
}

fn traceparent() -> HeaderName {
    HeaderName::from_static("traceparent")
}

fn id_of(traceparent: &str) -> String {
    let trace: Trace = traceparent.parse().expect("a trace context");
    trace.id().to_owned()
}

fn ids(jobs: &[JobRow]) -> Vec<Option<String>> {
    jobs.iter()
        .map(|job| job.trace.as_deref().map(id_of))
        .collect()
}

async fn all_jobs(store: &Store) -> Vec<JobRow> {
    let filter = Default::default();
    store.jobs(&filter, None, 100).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_sign_up_name_the_request_that_brought_it() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let (maria, joana) = (traced(&app, OURS), traced(&app, THEIRS));
        let (maria, joana) = tokio::join!(maria.sign_up("maria"), joana.sign_up("joana"));
        for (receipt, trace) in [(maria, OURS), (joana, THEIRS)] {
            let found = app.store.receipt(&receipt).await.expect("an answer");
            let jobs = found.expect("a receipt").jobs;
            assert_eq!(ids(&jobs), vec![Some(id_of(trace)); 3]);
            // The job names the request itself, which stands elsewhere in the trace than whoever sent it.
            assert_ne!(jobs[0].trace.as_deref(), Some(trace));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_do_those_of_a_log_in_a_log_out_and_an_operator() {
    for database in TestDatabase::both() {
        let app = TestApp::builder(&database)
            .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
            .start()
            .await;
        // Without a header a trace begins here.
        Visitor::new(&app).sign_up("maria").await;
        let begun = ids(&all_jobs(&app.store).await);
        assert!(
            begun[0].is_some() && begun.iter().all(|id| *id == begun[0]),
            "{begun:?}"
        );

        let maria = traced(&app, OURS);
        maria.log_in("maria", PASSWORD).await.with_status(303);
        maria.post("/logout", &[]).await.with_status(303);
        let operator = Visitor::operator(&app).with(traceparent(), THEIRS);
        let one = json!({"kind": "simple_task"});
        operator
            .post_json("/api/v1/jobs", &one)
            .await
            .with_status(201);
        let flow = json!({"jobs": [{"name": "a", "job": one}]});
        operator
            .post_json("/api/v1/flows", &flow)
            .await
            .with_status(201);
        let (ours, theirs) = (Some(id_of(OURS)), Some(id_of(THEIRS)));
        let newest = ids(&all_jobs(&app.store).await);
        assert_eq!(newest[..4], [theirs.clone(), theirs, ours.clone(), ours]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_none_begins_a_trace() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let page = traced(&app, "00-not-a-trace")
        .sign_up_as("maria", "maria@example.com")
        .await;
    let found = app
        .store
        .receipt(&receipt_of(&page))
        .await
        .expect("an answer");
    assert!(
        ids(&found.expect("a receipt").jobs)
            .iter()
            .all(Option::is_some)
    );
}

/// Enqueues nothing, and tells in which trace it stands.
#[derive(Deserialize, Serialize)]
struct Teller {}

impl Job for Teller {
    const KIND: &'static str = "teller";
}

impl Task for Teller {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        let here = trace::current().expect("a trace");
        let job = cx.store().job(cx.job()).await?.expect("itself");
        assert_ne!(Some(here.id().to_owned()), job.trace.as_deref().map(id_of));
        Ok(here.to_string().into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_begins_a_trace_of_its_own() {
    for database in TestDatabase::both() {
        let app = TestApp::builder(&database)
            .jobs(|jobs| jobs.task::<Teller>())
            .start()
            .await;
        let mut flow = Flow::default();
        let caused: NewJob = Teller {}.now().traced(Some(OURS));
        let members = [caused, Teller {}.now()].map(|job| flow.job(job));
        assert_eq!(members.len(), 2);
        let rows = app.scheduler.enqueue_flow(flow).await.expect("enqueued");
        assert_eq!(rows[0].trace.as_deref(), Some(OURS));
        assert_eq!(rows[1].trace, None, "nobody asked for it");
        let done = app
            .until(all_jobs_of, |jobs| {
                jobs.iter().all(|job| job.state == State::Completed)
            })
            .await;
        let told = done.iter().map(|job| job.result.as_deref().map(id_of));
        let told: BTreeSet<_> = told.collect();
        assert_eq!(told.len(), 2, "{done:#?}");
    }
}

async fn all_jobs_of(store: Store) -> Vec<JobRow> {
    all_jobs(&store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_of_an_attempt_which_request_caused_it() {
    let database = TestDatabase::sqlite();
    let quick = [
        ("CADASTRO_SIMPLE_TASK", "1ms"),
        ("CADASTRO_PARAMETER_TASK", "1ms"),
        ("RUST_LOG", "info"),
    ];
    let program = Program::start(&database, &quick);
    let maria = Visitor::at(&program.url, Duration::from_secs(60)).with(traceparent(), OURS);
    maria.sign_up("maria").await;
    let line = program.logs("an attempt ended").await;
    assert_eq!(line["caused_by"], id_of(OURS), "{line}");
}
