//! Minutes of sign-ups while everything around them breaks: instances are killed and held, the database is
//! restarted, the mail server comes and goes. In the end nothing is missing.
//!
//! `tests/run soak 10` runs it for ten minutes on each database.

#[path = "soak/crowd.rs"]
mod crowd;
#[path = "soak/fleet.rs"]
mod fleet;
#[path = "support/mod.rs"]
#[allow(dead_code, reason = "the behaviours use the rest")]
mod support;
#[path = "soak/verdict.rs"]
mod verdict;
#[path = "soak/weather.rs"]
mod weather;

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use fleet::Fleet;
use support::{
    database::{PostgresServer, TestDatabase},
    smtp::SmtpServer,
};

/// How long each database is put through it: `CADASTRO_SOAK_MINUTES`, half a one unless it is set.
fn length() -> Duration {
    let minutes = env::var("CADASTRO_SOAK_MINUTES").unwrap_or_else(|_| "0.5".to_owned());
    let minutes: f64 = minutes.parse().expect("CADASTRO_SOAK_MINUTES is a number");
    Duration::from_secs_f64(minutes * 60.0)
}

/// Three instances, of which one dies or is held every second or so.
#[tokio::test(flavor = "multi_thread")]
async fn three_instances_on_one_server_lose_nothing() {
    let server = Arc::new(PostgresServer::new());
    let database = TestDatabase::on(&server);
    soak(database, 3, Some(server)).await;
}

/// One process, which dies every few seconds and is started again.
#[tokio::test(flavor = "multi_thread")]
async fn one_process_on_a_file_loses_nothing() {
    soak(TestDatabase::sqlite(), 1, None).await;
}

async fn soak(database: TestDatabase, instances: usize, server: Option<Arc<PostgresServer>>) {
    let until = Instant::now() + length();
    let smtp = SmtpServer::start().await;
    let database = Arc::new(database);
    let fleet = Fleet::start(database.clone(), &smtp.url(), instances).await;
    let weather = weather::Weather {
        fleet: fleet.clone(),
        server: server.clone(),
        smtp,
    };
    let (receipts, (smtp, storms)) = tokio::join!(
        crowd::sign_up_until(until, fleet.clone()),
        weather.blow_until(until),
    );
    let calm = verdict::calm(&database).await;
    println!(
        "{database}: {} signed up; {storms:?}; {calm:?}",
        receipts.len()
    );
    verdict::nothing_is_missing(&database, &receipts, &smtp).await;
    // It lives as long as somebody holds it.
    drop(server);
}
