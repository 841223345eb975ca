//! Those who watch their jobs live: they see the end, and leave nothing behind.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::spawn_blocking,
};

use super::{Events, states};
use crate::support::{
    app::TestApp,
    database::{PostgresServer, TestDatabase},
    visitor::{PASSWORD, Visitor},
};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_the_head_of_a_stream_gets_no_more() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let receipt = Visitor::new(&app).sign_up("maria").await;
    let address = app.url.strip_prefix("http://").expect("plain HTTP");
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let requests = format!(
        "HEAD /signup/{receipt}/events HTTP/1.1\r\nHost: {address}\r\n\r\n\
         GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    );
    let sent = connection.write_all(requests.as_bytes()).await;
    sent.expect("the requests leave");
    let mut answers = String::new();
    let read = connection.read_to_string(&mut answers);
    let read = tokio::time::timeout(Duration::from_secs(60), read).await;
    read.expect("both are answered").expect("text");
    let heads: Vec<_> = answers.match_indices("HTTP/1.1 200 OK\r\n").collect();
    assert_eq!(heads.len(), 2, "{answers}");
    let (head, rest) = answers.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_outlives_the_absence_of_the_database() {
    let server = PostgresServer::new();
    let app = TestApp::start(&TestDatabase::on(&server)).await;
    let visitor = Visitor::new(&app);
    let receipt = visitor.sign_up("maria").await;
    let mut events = Events::of(&visitor, &format!("/signup/{receipt}/events")).await;
    events
        .jobs(|jobs| states(jobs) == ["scheduled", "executing", "executing"])
        .await;
    server.stop();
    visitor.get("/readyz").await.with_status(503);
    server.start();
    while visitor.get("/readyz").await.status != 200 {}
    app.advance(Duration::from_secs(10));
    events
        .jobs(|jobs| states(jobs).iter().all(|state| state == "completed"))
        .await;
    assert_eq!(events.next().await, Some(("end".into(), "end".into())));
    assert_eq!(events.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_logs_out_sees_no_more_of_the_account() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    visitor.sign_up("maria").await;
    visitor.log_in("maria", PASSWORD).await.with_status(303);
    let mut events = Events::of(&visitor, "/account/events").await;
    events.jobs(|jobs| states(jobs).len() == 4).await;
    // In another tab. The task that this starts is news.
    visitor.post("/logout", &[]).await.with_status(303);
    while let Some((name, jobs)) = events.next().await {
        assert_eq!(name, "jobs");
        assert_eq!(
            states(&jobs).len(),
            4,
            "not the task that the log-out starts"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_every_stream() {
    let database = TestDatabase::sqlite();
    // Nothing runs that the stop would wait for; the letter is still to come.
    let app = TestApp::builder(&database)
        .set("CADASTRO_SIMPLE_TASK", "0s")
        .set("CADASTRO_PARAMETER_TASK", "0s")
        .set("CADASTRO_SHUTDOWN_GRACE", "30s")
        .start()
        .await;
    let visitor = Visitor::new(&app);
    let receipt = visitor.sign_up("maria").await;
    let mut events = Events::of(&visitor, &format!("/signup/{receipt}/events")).await;
    events
        .jobs(|jobs| states(jobs) == ["scheduled", "completed", "completed"])
        .await;
    let stopped = spawn_blocking(move || app.stop());
    assert_eq!(events.next().await, None);
    stopped.await.expect("it stops");
}
