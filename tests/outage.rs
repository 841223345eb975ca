//! The database away, and back: nothing is half-saved, and nobody starts the program again.

use std::time::Duration;

use cadastro::queue::State;
use serde_json::json;

use crate::support::{
    app::TestApp,
    database::{PostgresServer, TestDatabase},
    visitor::{Visitor, filled, receipt_of},
};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_every_door_says_so_and_afterwards_all_is_well() {
    let server = PostgresServer::new();
    let app = TestApp::start(&TestDatabase::on(&server)).await;
    // Somebody whose tasks are under way when it happens.
    let before = Visitor::new(&app).sign_up("before").await;
    for task in ["simple_task", "parameter_task"] {
        app.job_reaches(&before, task, State::Executing).await;
    }
    server.stop();

    // A page must have answered before a visitor has given up.
    let visitor = Visitor::with_patience(&app, Duration::from_secs(5));
    let form = visitor.get("/signup").await.with_status(200);
    let key = form.value("idempotency_key").to_owned();
    let fields = filled("maria", "maria@example.com", &key);
    let page = visitor.post("/signup", &fields).await.with_status(503);
    assert!(page.header("retry-after").is_some());
    assert_eq!(page.value("username"), "maria");
    assert_eq!(page.value("email"), "maria@example.com");
    assert!(
        !page.body.contains(fields[3].1),
        "the password is not sent back"
    );
    let page = visitor.log_in("maria", "anything").await.with_status(503);
    assert!(page.header("retry-after").is_some());
    let body = json!({"username": "maria", "email": "maria@example.com", "password": fields[3].1});
    let problem = visitor
        .post_json("/api/v1/signups", &body)
        .await
        .with_status(503);
    assert_eq!(
        problem.header("content-type"),
        Some("application/problem+json")
    );
    assert!(problem.header("retry-after").is_some());
    let ready = visitor.get("/readyz").await.with_status(503);
    assert_eq!(ready.json()["database"], "away");
    visitor.get("/healthz").await.with_status(200);
    let metrics = visitor.get("/metrics").await.with_status(200);
    assert!(metrics.body.contains("\ncadastro_db_up 0\n"));

    server.start();
    // The same form, sent again, is taken now; nothing of the first try was saved.
    let signed_up = loop {
        let page = visitor.post("/signup", &fields).await;
        if page.status != 503 {
            break receipt_of(&page.with_status(303));
        }
    };
    // What ran through the outage ends, and what is new runs.
    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&before, &[State::Completed]).await;
    app.job_reaches(&signed_up, "welcome_email", State::Completed)
        .await;
    let users = app.store.users(None, 10).await.expect("an answer");
    assert_eq!(users.len(), 2);
    visitor.get("/readyz").await.with_status(200);
}
