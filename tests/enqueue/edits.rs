//! A job that waits is changed; one that has started is not.

use cadastro::{
    actors::EditError,
    queue::{Due, Edit, JobId, State},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Door, code, index};
use crate::support::{database::TestDatabase, page::Page};

async fn patch(door: &Door, id: i64, body: Value) -> Page {
    let path = format!("/api/v1/jobs/{id}");
    let request = door.operator.request(Method::PATCH, &path);
    door.operator.send(request.json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_is_put_off_and_brought_forward() {
    for database in TestDatabase::both() {
        let door = Door::paused_on(&database).await;
        let id = door
            .create(json!({"kind": "parameter_task", "args": {"parameter": "a"}}))
            .await;
        let all = json!({
            "args": {"parameter": "b"}, "priority": -3, "max_attempts": 7, "delay_seconds": 60,
        });
        let edited = patch(&door, id, all).await.with_status(200).json();
        assert_eq!(edited["state"], "scheduled", "{database}");
        assert_eq!(edited["run_at"], "2026-11-22T12:01:00.000000Z");
        assert_eq!(edited["args"], json!({"parameter": "b"}));
        assert_eq!(
            (&edited["priority"], &edited["max_attempts"]),
            (&json!(-3), &json!(7))
        );

        // What is not given stays.
        let edited = patch(&door, id, json!({"priority": 5}))
            .await
            .with_status(200)
            .json();
        assert_eq!(
            (&edited["state"], &edited["priority"]),
            (&json!("scheduled"), &json!(5))
        );
        assert_eq!(
            (&edited["args"], &edited["max_attempts"]),
            (&json!({"parameter": "b"}), &json!(7))
        );

        let now = json!({"run_at": "2026-11-22T12:00:00Z"});
        let edited = patch(&door, id, now).await.with_status(200).json();
        assert_eq!(edited["state"], "available");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_brought_forward_runs_at_once() {
    for database in TestDatabase::both() {
        let door = Door::on(&database).await;
        let id = door
            .create(json!({"kind": "index", "args": {"subject": "a"}, "delay_seconds": 86400}))
            .await;
        let now = json!({"delay_seconds": 0});
        patch(&door, id, now).await.with_status(200);
        door.reaches(id, State::Completed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_has_started_is_not_changed_any_more() {
    for database in TestDatabase::both() {
        let door = Door::on(&database).await;
        let running = door.create(json!({"kind": "simple_task"})).await;
        door.reaches(running, State::Executing).await;
        let ended = door
            .create(json!({"kind": "index", "args": {"subject": "a"}}))
            .await;
        door.reaches(ended, State::Completed).await;
        for (id, state) in [(running, "executing"), (ended, "completed")] {
            let before = door.show(id).await;
            let refused = patch(&door, id, json!({"priority": 1, "delay_seconds": 5})).await;
            let told = refused.with_status(409).json()["detail"].to_string();
            assert!(told.contains(state), "{database}: {told}");
            assert_eq!(door.show(id).await, before);
        }
        patch(&door, 4711, json!({"priority": 1}))
            .await
            .with_status(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_does_not_fit_changes_nothing() {
    for database in TestDatabase::both() {
        let door = Door::paused_on(&database).await;
        let id = door
            .create(json!({"kind": "index", "args": {"subject": "a"}}))
            .await;
        let before = door.show(id).await;
        for (field, wrong) in [
            ("args", json!({"args": {"subject": ""}, "priority": 1})),
            ("args", json!({"args": {}, "priority": 1})),
            ("max_attempts", json!({"max_attempts": 0, "priority": 1})),
            ("run_at", json!({"run_at": "tomorrow", "priority": 1})),
        ] {
            let problem = patch(&door, id, wrong).await.with_status(422).json();
            code(&problem, field);
        }
        patch(&door, id, json!({"kind": "simple_task"}))
            .await
            .with_status(400);
        assert_eq!(door.show(id).await, before, "{database}");

        // Nor by the library's door.
        let edit = Edit {
            args: Some(serde_json::to_value(index("")).expect("JSON")),
            ..Edit::default()
        };
        let refused = door.app.scheduler.edit(JobId(id), edit).await;
        assert!(matches!(refused, Err(EditError::Unfit(_))), "{refused:?}");
        let edit = Edit {
            due: Some(Due::After(std::time::Duration::from_secs(60))),
            ..Edit::default()
        };
        let edited = door
            .app
            .scheduler
            .edit(JobId(id), edit)
            .await
            .expect("edited");
        assert_eq!(edited.state, State::Scheduled);
    }
}
