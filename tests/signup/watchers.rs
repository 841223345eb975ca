//! Those who watch their jobs live: they see the end, and leave nothing behind.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::spawn_blocking,
};

use super::{Events, states};
use crate::support::{
    app::TestApp,
    database::{PostgresServer, TestDatabase},
    program::Program,
    visitor::{PASSWORD, Visitor},
};

const CROWD: usize = 200;

/// A crowd comes from one address.
const NO_LIMITS: (&str, &str) = ("CADASTRO_RATE_LIMIT", "off");

/// Longer than any test lasts.
const LONG: &str = "1h";

/// Signs somebody up, and gives the address of the receipt's stream.
async fn sign_up(program: &Program, username: &str) -> String {
    let email = format!("{username}@example.com");
    let form = json!({"username": username, "email": email, "password": PASSWORD});
    let request = Client::new().post(format!("{}/api/v1/signups", program.url));
    let answer = request.json(&form).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    let receipt = answer["receipt"].as_str().expect("a receipt");
    format!("{}/signup/{receipt}/events", program.url)
}

/// A connection of its own to a stream, and the first piece that came.
async fn watch(stream: &str) -> (Response, String) {
    let answer = reqwest::get(stream).await.expect("an answer");
    let mut answer = answer.error_for_status().expect("a stream");
    let first = answer.chunk().await.expect("the stream holds");
    let first = first.expect("something is told at once");
    (answer, String::from_utf8_lossy(&first).into_owned())
}

/// How many files the program has open, connections among them.
async fn open_files(program: &Program) -> usize {
    let answer = reqwest::get(format!("{}/metrics", program.url)).await;
    let metrics = answer.expect("an answer").text().await.expect("text");
    let files = metrics
        .lines()
        .find_map(|line| line.strip_prefix("process_open_fds "));
    let files: f64 = files
        .and_then(|files| files.parse().ok())
        .expect("a number");
    files as usize
}

/// Waits until nearly as few are open as at first; the database may have made a few connections.
async fn all_is_given_back(program: &Program, at_first: usize) {
    while open_files(program).await > at_first + CROWD / 10 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_leaves_gives_back_every_seat_and_every_connection() {
    let database = TestDatabase::sqlite();
    // News every second: each stream writes, and learns that nobody reads.
    let settings = [
        NO_LIMITS,
        ("CADASTRO_WELCOME_DELAY", LONG),
        ("CADASTRO_PARAMETER_TASK", "20s"),
    ];
    // Seats for one crowd and not for two.
    let program = Program::with_open_files(&database, &settings, 3 * CROWD);
    let at_first = open_files(&program).await;
    for round in 0..3 {
        let stream = sign_up(&program, &format!("visitor-{round}")).await;
        let crowd = join_all((0..CROWD).map(|_| watch(&stream))).await;
        let seated = crowd
            .iter()
            .filter(|(_, first)| first.starts_with("retry: 2000\n"));
        assert_eq!(seated.count(), CROWD, "in round {round}");
        assert!(open_files(&program).await >= at_first + CROWD);
        drop(crowd);
        all_is_given_back(&program, at_first).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_sees_the_end_and_is_let_go() {
    let database = TestDatabase::sqlite();
    let settings = [
        NO_LIMITS,
        ("CADASTRO_WELCOME_DELAY", "2s"),
        ("CADASTRO_SIMPLE_TASK", "1s"),
        ("CADASTRO_PARAMETER_TASK", "3s"),
    ];
    let program = Program::with_open_files(&database, &settings, 3 * CROWD);
    let at_first = open_files(&program).await;
    let stream = sign_up(&program, "maria").await;
    let crowd = join_all((0..CROWD).map(|_| watch(&stream))).await;
    for (answer, first) in crowd {
        let rest = answer.text().await.expect("the stream ends of itself");
        let told = first + &rest;
        let (jobs, end) = told.rsplit_once("event: end\n").expect("the end");
        assert!(
            end.contains("class=\"finale\"") && end.ends_with("\n\n"),
            "{end}"
        );
        let last = jobs.rsplit("event: jobs").next().expect("a list of jobs");
        assert_eq!(
            last.matches("data-state=\"completed\"").count(),
            3,
            "{told}"
        );
    }
    all_is_given_back(&program, at_first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_leave_half_of_the_connections_to_others_and_one_too_many_comes_back_later() {
    let database = TestDatabase::sqlite();
    let settings = [NO_LIMITS, ("CADASTRO_WELCOME_DELAY", LONG)];
    let program = Program::with_open_files(&database, &settings, 128);
    let stream = sign_up(&program, "maria").await;
    let mut seated = Vec::new();
    let (answer, told) = loop {
        let (answer, first) = watch(&stream).await;
        match first.starts_with("retry: 2000\n") {
            true => seated.push(answer),
            false => break (answer, first),
        }
    };
    assert_eq!(seated.len(), 64);
    let told = told + &answer.text().await.expect("the stream ends of itself");
    assert!(told.starts_with("retry: 5000\n"), "{told}");
    assert!(
        told.contains("event: jobs\n") && !told.contains("event: end\n"),
        "{told}"
    );
    let page = reqwest::get(format!("{}/signup", program.url)).await;
    assert_eq!(page.expect("an answer").status(), 200);
}

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
    assert_eq!(events.next().await.expect("the end").0, "end");
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
