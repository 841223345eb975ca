//! Spans reach an OpenTelemetry collector: a request's, and that of each job's attempt, linked to it.
//!
//! A test binary of its own, because the program that it runs is built with the feature `otlp`.

#[path = "support"]
#[allow(dead_code, reason = "the behaviours use the rest")]
mod support {
    pub mod certificate;
    pub mod daemon;
    pub mod database;
    pub mod program;
    pub mod raw;
}

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::Value;
use support::{
    database::TestDatabase,
    program::{Program, sign_up_with, watch},
};
use tokio::sync::mpsc;

/// A collector: what it is sent, a request at a time.
struct Collector {
    url: String,
    exports: mpsc::UnboundedReceiver<Value>,
}

impl Collector {
    fn start() -> Self {
        let (send, exports) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let take = move |export: web::Json<Value>,
                         send: web::Data<mpsc::UnboundedSender<Value>>| {
            let taken = send.send(export.into_inner());
            async move {
                taken
                    .map(|()| HttpResponse::Ok().json(serde_json::json!({})))
                    .ok()
            }
        };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(send.clone()))
                .app_data(web::JsonConfig::default().limit(16 << 20))
                .route("/v1/traces", web::post().to(take))
        });
        let server = server.workers(1).disable_signals().listen(listener);
        tokio::spawn(server.expect("it listens").run());
        Collector { url, exports }
    }

    /// Every span that it was sent, once nobody sends any more.
    fn spans(mut self) -> Vec<Value> {
        let mut spans = Vec::new();
        while let Ok(export) = self.exports.try_recv() {
            for resource in list(&export["resourceSpans"]) {
                let service = attribute(&resource["resource"], "service.name");
                assert_eq!(service["stringValue"], "cadastro");
                for scope in list(&resource["scopeSpans"]) {
                    spans.extend(list(&scope["spans"]));
                }
            }
        }
        spans
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn attribute(of: &Value, key: &str) -> Value {
    let attributes = list(&of["attributes"]);
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    found
        .map(|attribute| attribute["value"].clone())
        .unwrap_or_default()
}

const OURS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread")]
async fn the_spans_of_a_sign_ups_jobs_are_linked_to_that_of_its_request() {
    for database in TestDatabase::both() {
        let collector = Collector::start();
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("CADASTRO_WELCOME_DELAY", "1ms"),
            ("CADASTRO_SIMPLE_TASK", "1ms"),
            ("CADASTRO_PARAMETER_TASK", "1ms"),
        ];
        let program = Program::start(&database, &settings);
        let receipt = sign_up_with(&program, "maria", &[("traceparent", OURS)]).await;
        let done = |page: &str| page.matches("data-state=\"completed\"").count() == 3;
        watch(&program, &receipt, done).await;
        // Whatever is still on its way is sent at the stop.
        assert!(program.terminate().success());

        let spans = collector.spans();
        let route =
            |span: &&Value| attribute(span, "http.route")["stringValue"] == "/api/v1/signups";
        let request = spans.iter().find(route).expect("the request's span");
        assert_eq!(request["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(request["parentSpanId"], "00f067aa0ba902b7");
        let jobs = spans.iter().filter(|span| span["name"] == "job");
        let jobs: Vec<_> = jobs.collect();
        assert_eq!(jobs.len(), 3, "{spans:#?}");
        for job in jobs {
            assert_eq!(attribute(job, "outcome")["stringValue"], "completed");
            assert_ne!(job["traceId"], request["traceId"]);
            let links = list(&job["links"]);
            assert_eq!(links.len(), 1, "{job:#?}");
            assert_eq!(links[0]["traceId"], request["traceId"]);
            assert_eq!(links[0]["spanId"], request["spanId"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_up_nothing() {
    let database = TestDatabase::sqlite();
    let nobody = format!("http://127.0.0.1:{}", support::database::free_port());
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", nobody.as_str()),
        ("CADASTRO_WELCOME_DELAY", "1ms"),
        ("CADASTRO_SIMPLE_TASK", "1ms"),
        ("CADASTRO_PARAMETER_TASK", "1ms"),
    ];
    let program = Program::start(&database, &settings);
    let receipt = sign_up_with(&program, "maria", &[]).await;
    let done = |page: &str| page.matches("data-state=\"completed\"").count() == 3;
    watch(&program, &receipt, done).await;
    assert!(program.terminate().success());
}
