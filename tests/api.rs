//! The JSON API: sign-ups for programs; jobs, queues and actors for operators.

use std::{collections::BTreeSet, time::Duration};

use cadastro::queue::State;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    raw::Raw,
    visitor::{PASSWORD, TOKEN, Visitor},
};

fn application(username: &str) -> Value {
    let email = format!("{username}@example.com");
    json!({"username": username, "email": email, "password": PASSWORD, "locale": "en"})
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_accepted_with_its_receipt_and_its_jobs() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let answer = visitor
            .post_json("/api/v1/signups", &application("maria"))
            .await;
        let answer = answer.with_status(202);
        let body = answer.json();
        assert_eq!(keys(&body), ["jobs", "receipt", "status_url"].into());
        assert_eq!(answer.location(), body["status_url"]);
        let jobs = body["jobs"].as_array().expect("jobs");
        let kinds: Vec<_> = jobs
            .iter()
            .map(|job| job["kind"].as_str().expect("a kind"))
            .collect();
        assert_eq!(kinds, ["welcome_email", "simple_task", "parameter_task"]);
        let letter = &jobs[0];
        let fields = [
            "id",
            "kind",
            "queue",
            "state",
            "attempt",
            "max_attempts",
            "run_at",
            "started_at",
            "finished_at",
            "progress",
            "message",
        ];
        assert_eq!(keys(letter), fields.into());
        assert_eq!(letter["run_at"], "2026-11-22T12:00:10.000000Z");
        assert_eq!(
            (&letter["state"], &letter["queue"]),
            (&json!("scheduled"), &json!("email"))
        );

        app.advance(Duration::from_secs(10));
        let receipt = body["receipt"].as_str().expect("a receipt");
        app.receipt_reaches(receipt, &[State::Completed]).await;
        let later = visitor.get(answer.location()).await.with_status(200).json();
        assert_eq!(keys(&later), keys(&body));
        assert_eq!(later["jobs"][1]["state"], "completed");
        visitor
            .get("/api/v1/signups/unknown")
            .await
            .with_status(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_field_by_field() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let bad = json!({"username": "ab", "email": "nowhere", "password": "short"});
    let problem = visitor
        .post_json("/api/v1/signups", &bad)
        .await
        .with_status(422);
    assert_eq!(
        problem.header("content-type"),
        Some("application/problem+json")
    );
    let errors = &problem.json()["errors"];
    assert_eq!(keys(errors), ["email", "password", "username"].into());
    assert_eq!(errors["username"][0]["code"], "too_short");
    assert!(errors["username"][0]["message"].is_string());

    visitor
        .post_json("/api/v1/signups", &application("maria"))
        .await
        .with_status(202);
    let mut again = application("MARIA");
    again["email"] = json!("other@example.com");
    let problem = visitor
        .post_json("/api/v1/signups", &again)
        .await
        .with_status(422);
    assert_eq!(problem.json()["errors"]["username"][0]["code"], "taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_answered_like_the_first() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let send = |body: Value| {
            let request = visitor.request(Method::POST, "/api/v1/signups");
            visitor.send(request.header("idempotency-key", "one").json(&body))
        };
        let first = send(application("maria")).await.with_status(202);
        let second = send(application("maria")).await.with_status(202);
        assert_eq!(first.location(), second.location());
        assert_eq!(send(application("joana")).await.status, 422);
        assert_eq!(
            app.store.users(None, 10).await.expect("users").len(),
            1,
            "{database}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_repair_and_pause_and_nobody_else_does() {
    for database in TestDatabase::both() {
        let app = TestApp::builder(&database)
            .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
            .start()
            .await;
        let visitor = Visitor::new(&app);
        for path in [
            "/api/v1/jobs",
            "/api/v1/jobs/1",
            "/api/v1/queues",
            "/api/v1/actors",
        ] {
            let refused = visitor.get(path).await.with_status(401);
            assert!(refused.header("www-authenticate").is_some());
        }
        visitor.sign_up("maria").await;
        visitor.log_in("maria", PASSWORD).await.with_status(303);
        visitor.get("/api/v1/jobs").await.with_status(403);

        let operator = Visitor::operator(&app);
        let paused = operator
            .post_json("/api/v1/queues/task/pause", &json!({}))
            .await;
        assert!((200..300).contains(&paused.status), "{}", paused.body);
        let new =
            json!({"kind": "parameter_task", "args": {"parameter": "x"}, "delay_seconds": 60});
        let job = operator
            .post_json("/api/v1/jobs", &new)
            .await
            .with_status(201)
            .json();
        let path = format!("/api/v1/jobs/{}", job["id"]);
        let shown = operator.get(&path).await.with_status(200).json();
        assert_eq!(shown["state"], "scheduled");
        assert_eq!(shown["args"], json!({"parameter": "x"}));
        assert_eq!(shown["attempts"], json!([]));
        let cancelled = operator
            .post_json(&format!("{path}/cancel"), &json!({}))
            .await;
        assert_eq!(cancelled.with_status(200).json()["state"], "cancelled");
        operator
            .post_json(&format!("{path}/cancel"), &json!({}))
            .await
            .with_status(409);
        operator
            .post_json(&format!("{path}/retry"), &json!({}))
            .await
            .with_status(200);
        // Before anything moves on: as a form sends what nobody filled in.
        let all = operator.get("/api/v1/jobs").await.with_status(200).json();
        let empty = "/api/v1/jobs?state=&kind=&queue=&limit=&cursor=";
        assert_eq!(operator.get(empty).await.with_status(200).json(), all);
        operator
            .post_json("/api/v1/queues/task/resume", &json!({}))
            .await;

        for wrong in [
            "state=lost",
            "kind=a-b",
            "queue=a%20b",
            "limit=0",
            "cursor=x",
        ] {
            let asked = operator.get(&format!("/api/v1/jobs?{wrong}")).await;
            asked.with_status(400);
        }

        let unknown = json!({"kind": "no_such_kind", "args": {}});
        let status = operator.post_json("/api/v1/jobs", &unknown).await.status;
        assert!((400..500).contains(&status), "{status}");
        operator.get("/api/v1/jobs/999999").await.with_status(404);

        let actors = operator.get("/api/v1/actors").await.with_status(200).json();
        let names = actors["actors"].as_array().expect("actors").iter();
        let names: Vec<_> = names
            .map(|actor| actor["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(names, ["registrar", "scheduler", "email", "task"]);
        let fields = [
            "name",
            "kind",
            "parent",
            "state",
            "instances",
            "mailbox",
            "handled",
            "restarts",
            "last_restart",
        ];
        assert_eq!(keys(&actors["actors"][0]), fields.into());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_paged_without_gaps_or_repeats() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
        .start()
        .await;
    let operator = Visitor::operator(&app);
    let job = json!({"kind": "simple_task", "args": {}, "delay_seconds": 3600});
    let batch = json!({"jobs": vec![job; 7]});
    let inserted = operator
        .post_json("/api/v1/jobs/batch", &batch)
        .await
        .with_status(201);
    assert_eq!(inserted.json(), json!({"inserted": 7}));
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/jobs?state=scheduled&limit=3{cursor}");
        let page = operator.get(&path).await.with_status(200).json();
        seen.extend(
            page["jobs"]
                .as_array()
                .expect("jobs")
                .iter()
                .map(|job| job["id"].as_i64()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (1..=7).rev().map(Some).collect::<Vec<_>>());
}

/// PostgreSQL takes no such text.
#[tokio::test(flavor = "multi_thread")]
async fn a_zero_byte_is_refused_like_any_other_name_that_cannot_be() {
    for database in TestDatabase::both() {
        let app = TestApp::builder(&database)
            .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
            .start()
            .await;
        let operator = Visitor::operator(&app);
        let queue = operator.request(Method::DELETE, "/api/v1/queues/a%00b");
        operator.send(queue).await.with_status(404);
        let job = json!({"kind": "simple_task", "limit_key": "a\0b"});
        let problem = operator.post_json("/api/v1/jobs", &job).await;
        let errors = &problem.with_status(422).json()["errors"];
        assert_eq!(keys(errors), ["limit_key"].into());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_told_though_the_jobs_cannot_be_counted() {
    let database = TestDatabase::postgres();
    let app = TestApp::builder(&database)
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
        .start()
        .await;
    let operator = Visitor::operator(&app);
    let mut lock = Raw::open(database.url()).await;
    lock.run("BEGIN; LOCK TABLE jobs").await;
    let paused = operator
        .post_json("/api/v1/queues/task/pause", &json!({}))
        .await
        .with_status(200)
        .json();
    assert_eq!(paused["paused"], true);
    assert_eq!(paused["jobs_age_seconds"], Value::Null);
    lock.run("ROLLBACK").await;
    let queues = operator.get("/api/v1/queues").await.with_status(200).json();
    let mut queues = queues["queues"].as_array().expect("queues").iter();
    let task = queues.find(|queue| queue["name"] == "task");
    assert_eq!(task.expect("the queue")["paused"], true);
}
