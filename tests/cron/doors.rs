//! `/api/v1/cron`: what an operator's program reads and changes.

use reqwest::Method;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_shows_its_next_ten_instants_in_its_zone_and_in_utc() {
    for database in TestDatabase::both() {
        let app = quick(&database)
            .standing_at(at("2027-03-26T12:00:00Z"))
            .start()
            .await;
        let operator = Visitor::operator(&app);
        add(
            &operator,
            "report",
            "30 3 * * *",
            json!({"zone": "Europe/Lisbon"}),
        )
        .await;
        let shown = operator
            .get("/api/v1/cron/report")
            .await
            .with_status(200)
            .json();
        let next = shown["next"].as_array().expect("instants");
        assert_eq!(next.len(), 10);
        assert_eq!(
            next[0],
            json!({"at": "2027-03-27T03:30:00.000000Z", "local": "2027-03-27T03:30:00+00:00"})
        );
        assert_eq!(
            next[1],
            json!({"at": "2027-03-28T02:30:00.000000Z", "local": "2027-03-28T03:30:00+01:00"})
        );
        let list = operator.get("/api/v1/cron").await.with_status(200).json();
        let entries = list["entries"].as_array().expect("entries");
        let entry = entries.iter().find(|entry| entry["name"] == "report");
        assert_eq!(
            entry.expect("it is listed"),
            &json!({
                "name": "report", "kind": "parameter_task", "args": {"parameter": "report"},
                "schedule": "30 3 * * *", "zone": "Europe/Lisbon",
                "missed": "once", "gap": "after", "fold": "once",
                "declared": false, "enabled": true, "last_at": null, "last_job": null,
                "next_at": "2027-03-27T03:30:00.000000Z",
            })
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_runs_now_when_told_to_even_if_it_is_disabled() {
    for database in TestDatabase::both() {
        let app = ticking(&database).await;
        let operator = Visitor::operator(&app);
        let post = async |action: &str| {
            let path = format!("/api/v1/cron/tick/{action}");
            operator.post_json(&path, &json!({})).await
        };
        post("disable").await.with_status(200);
        let ran = post("run").await.with_status(201);
        let job = ran.json();
        assert_eq!(
            (&job["kind"], &job["state"]),
            (&json!("tick"), &json!("available"))
        );
        assert_eq!(ran.location(), format!("/api/v1/jobs/{}", job["id"]));
        let jobs = done(&app, "tick", 1).await;
        assert_eq!(jobs[0].run_at, app.now());
        let entry = operator
            .get("/api/v1/cron/tick")
            .await
            .with_status(200)
            .json();
        assert_eq!(
            (&entry["enabled"], &entry["last_at"]),
            (&json!(false), &Value::Null)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_removed_unless_a_kind_declares_it() {
    for database in TestDatabase::both() {
        let app = ticking(&database).await;
        let operator = Visitor::operator(&app);
        add(&operator, "report", "@daily", json!({})).await;
        let remove = async |name: &str| {
            let request = operator.request(Method::DELETE, &format!("/api/v1/cron/{name}"));
            operator.send(request).await
        };
        remove("report").await.with_status(204);
        remove("report").await.with_status(404);
        operator.get("/api/v1/cron/report").await.with_status(404);
        let refused = remove("tick").await.with_status(409).json();
        let why = refused["detail"].as_str().expect("a sentence");
        assert!(why.contains("can only be disabled"), "{why}");
        // Nobody may be called so, and PostgreSQL's texts cannot hold it.
        remove("%00").await.with_status(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_a_new_entry_is_told_field_by_field() {
    let database = TestDatabase::sqlite();
    let app = quick(&database).start().await;
    let operator = Visitor::operator(&app);
    let wrong = json!({
        "name": "Monday report", "kind": "no_such_kind", "schedule": "61 * * * *",
        "missed": "never", "gap": "before", "fold": "thrice",
    });
    let refused = operator
        .post_json("/api/v1/cron", &wrong)
        .await
        .with_status(422);
    let errors = refused.json()["errors"].clone();
    let codes = ["name", "kind", "schedule", "missed", "gap", "fold"];
    let codes = codes.map(|field| errors[field][0]["code"].clone());
    assert_eq!(
        codes,
        [
            "invalid", "unknown", "invalid", "unknown", "unknown", "unknown"
        ]
    );

    let wrong = json!({
        "name": "report", "kind": "parameter_task", "schedule": "@daily", "zone": "Europe/Lisboa",
    });
    let refused = operator
        .post_json("/api/v1/cron", &wrong)
        .await
        .with_status(422);
    let errors = refused.json()["errors"].clone();
    assert_eq!(errors["args"][0]["code"], "invalid");
    assert_eq!(errors["zone"][0]["code"], "unknown");

    add(&operator, "report", "@daily", json!({})).await;
    let again = json!({"name": "report", "kind": "simple_task", "schedule": "@daily"});
    operator
        .post_json("/api/v1/cron", &again)
        .await
        .with_status(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operator_gets_in() {
    let database = TestDatabase::sqlite();
    let app = quick(&database).start().await;
    let visitor = Visitor::new(&app);
    visitor.get("/api/v1/cron").await.with_status(401);
    visitor.get("/api/v1/cron/x").await.with_status(401);
    for path in [
        "/api/v1/cron",
        "/api/v1/cron/x/enable",
        "/api/v1/cron/x/disable",
        "/api/v1/cron/x/run",
    ] {
        let entry = json!({"name": "x", "kind": "simple_task", "schedule": "@daily"});
        visitor.post_json(path, &entry).await.with_status(401);
    }
    let remove = visitor.request(Method::DELETE, "/api/v1/cron/x");
    visitor.send(remove).await.with_status(401);
}
