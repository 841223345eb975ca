//! What the log says of an outage: enough, and no more, whatever the load.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{
    database::{PostgresServer, TestDatabase},
    program::Program,
    visitor::{PASSWORD, Visitor},
};

/// When a line was written.
fn at(line: &Value) -> Timestamp {
    let at = line["timestamp"].as_str().expect("every line has one");
    at.parse().expect("an instant")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_of_once_a_second_whatever_the_load() {
    let server = PostgresServer::new();
    let settings = [("RUST_LOG", "info"), ("CADASTRO_LEASE", "1s")];
    let program = Program::start(&TestDatabase::on(&server), &settings);
    server.stop();
    let visitors = (0..8).map(|number| {
        let (url, username) = (&program.url, format!("visitor-{number}"));
        async move {
            let visitor = Visitor::at(url, Duration::from_secs(60));
            let email = format!("{username}@example.com");
            let body = json!({"username": username, "email": email, "password": PASSWORD});
            for _ in 0..100 {
                let answer = visitor.post_json("/api/v1/signups", &body).await;
                answer.with_status(503);
                visitor.log_in(&username, PASSWORD).await.with_status(503);
                visitor.get("/readyz").await.with_status(503);
            }
        }
    });
    join_all(visitors).await;
    // The last pause is over, and the next line says what it left out.
    program.logs("\"suppressed\":").await;
    server.start();
    let back = program.logs("the database answers again").await;
    assert!(
        back["seconds"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0)
    );

    let log = program.logged();
    let outage: Vec<_> = log.iter().filter(|line| line["level"] != "INFO").collect();
    assert!(
        outage
            .iter()
            .all(|line| line["message"] == "the database is away")
    );
    let mut causes: Vec<_> = outage.iter().map(|line| &line["error"]).collect();
    causes.sort_by_key(|cause| cause.to_string());
    causes.dedup();
    for cause in causes {
        let lines = outage.iter().filter(|line| &line["error"] == cause);
        let lines: Vec<_> = lines.map(|line| at(line)).collect();
        for pair in lines.windows(2) {
            let apart = pair[1].duration_since(pair[0]).as_secs_f64();
            // A line is stamped some time after it was allowed.
            assert!(apart > 0.5, "{cause}: {lines:?}");
        }
    }
    let counts = log.iter().filter_map(|line| line["suppressed"].as_u64());
    let told = outage.len() as u64 + counts.sum::<u64>();
    assert!(
        told >= 8 * 100 * 3,
        "{told} of at least 2400 are accounted for"
    );
}
