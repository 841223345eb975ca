//! `cadastro jobs` and `cadastro queues`.

use cadastro::queue::{JobId, State};
use serde_json::{Value, json};

use super::Terminal;
use crate::{
    cancel,
    support::{
        app::{TestApp, TestAppBuilder},
        database::TestDatabase,
    },
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A server on the machine's own clock, like the terminal's.
fn server(database: &TestDatabase) -> TestAppBuilder {
    TestApp::builder(database)
        .real_clock()
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
}

/// Waits until the server has brought the job this far.
async fn reaches(app: &TestApp, id: i64, state: State) {
    let find = |store: cadastro::store::Store| async move {
        let job = store.job(JobId(id)).await.expect("the database answers");
        job.into_iter().collect()
    };
    app.until(find, |jobs| jobs.iter().any(|job| job.state == state))
        .await;
}

#[test]
fn jobs_are_listed_as_a_table_and_as_json() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        assert_eq!(terminal.say("jobs list").done(), "no jobs\n");
        assert_eq!(
            terminal.say("jobs list --json").json(),
            json!({"jobs": [], "next_cursor": null})
        );
        let first = terminal.say("jobs enqueue simple_task --in 1h").done();
        assert!(
            first.starts_with("job 1 is enqueued: simple_task, due 2"),
            "{first}"
        );
        terminal
            .say(r#"jobs enqueue parameter_task {"parameter":"x"} --at 2999-12-24T18:00:00Z"#)
            .done();
        terminal
            .say("jobs enqueue simple_task --priority -1")
            .done();

        let table = terminal.say("jobs list").done();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 4, "{table}");
        assert!(lines[0].starts_with("ID  KIND            QUEUE  STATE      ATTEMPT  WHEN"));
        assert_eq!(
            lines[2],
            " 2  parameter_task  task   scheduled  0 of 20  due 2999-12-24 18:00:00 UTC"
        );
        let list = terminal.say("jobs list --state scheduled --json").json();
        assert_eq!(list["next_cursor"], Value::Null);
        assert_eq!(list["jobs"][0]["id"], 2);
        assert_eq!(list["jobs"][0]["run_at"], "2999-12-24T18:00:00.000000Z");
        assert_eq!(list["jobs"][1]["kind"], "simple_task");
        assert!(list["jobs"][0]["started_at"].is_null());
        assert_eq!(
            terminal
                .say("jobs list --kind parameter_task --queue email")
                .done(),
            "no jobs\n"
        );
    }
}

#[test]
fn a_long_list_comes_in_pages() {
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database);
    for _ in 0..3 {
        terminal.say("jobs enqueue simple_task").done();
    }
    let table = terminal.say("jobs list --limit 2").done();
    assert!(
        table.ends_with("there are more: add --cursor 2\n"),
        "{table}"
    );
    let page = terminal.say("jobs list --limit 2 --json").json();
    assert_eq!(page["next_cursor"], "2");
    let rest = terminal.say("jobs list --limit 2 --cursor 2 --json").json();
    assert_eq!(
        (&rest["jobs"][0]["id"], &rest["next_cursor"]),
        (&json!(1), &Value::Null)
    );
}

#[test]
fn a_job_is_cancelled_and_retried_and_says_when_it_cannot_be() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        for _ in 0..2 {
            terminal.say("jobs enqueue simple_task --in 1h").done();
        }
        assert_eq!(
            terminal.say("jobs cancel 1").done(),
            "job 1 (simple_task) is cancelled\n"
        );
        let refused = terminal.say("jobs cancel 1").refused(1);
        assert!(refused.starts_with("job 1 is cancelled"), "{refused}");

        // One that refuses does not keep the others from it.
        let said = terminal.say("jobs retry 9 2 1");
        assert_eq!(
            said.out,
            "job 1 (simple_task) is due again: attempt 1 of 20\n"
        );
        let refused = said.refused(1);
        assert!(refused.contains("there is no job 9"), "{refused}");
        assert!(refused.contains("job 2 is scheduled"), "{refused}");
        assert_eq!(terminal.say("jobs show 9").refused(1), "there is no job 9");

        let cancelled = terminal.say("jobs cancel 1 2 --json").json();
        let states = [
            &cancelled["jobs"][0]["state"],
            &cancelled["jobs"][1]["state"],
        ];
        assert_eq!(states, ["cancelled", "cancelled"]);
    }
}

#[test]
fn a_job_is_enqueued_once_for_its_key_and_changed_while_it_waits() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        let line = "jobs enqueue simple_task --unique-key x --in 1h";
        assert!(terminal.say(line).done().starts_with("job 1 is enqueued"));
        let there = terminal.say(line).done();
        assert!(
            there.starts_with("job 1 is there already: simple_task, scheduled"),
            "{there}"
        );
        let moved =
            format!("{line} --wins reschedule").replace("--in 1h", "--at 2999-01-01T00:00:00Z");
        let moved = terminal.say(&moved).done();
        assert!(moved.ends_with("due 2999-01-01 00:00:00 UTC\n"), "{moved}");
        let line = "jobs enqueue simple_task --unique --in 1h --json";
        let (first, second) = (terminal.say(line).json(), terminal.say(line).json());
        assert_eq!(first, second);
        assert_ne!(first["id"], 1);

        let edited = terminal
            .say("jobs edit 1 --in 0s --priority -4 --max-attempts 2")
            .done();
        assert!(
            edited.starts_with("job 1 is changed: simple_task, due 2"),
            "{edited}"
        );
        let job = terminal.say("jobs show 1 --json").json();
        assert_eq!(
            (&job["state"], &job["priority"]),
            (&json!("available"), &json!(-4))
        );
        assert_eq!(job["max_attempts"], 2);
        let refused = terminal.say("jobs edit 1 --args [1]").refused(2);
        assert!(refused.contains("do not fit `simple_task`"), "{refused}");
        terminal.say("jobs cancel 1").done();
        let refused = terminal.say("jobs edit 1 --priority 1").refused(1);
        assert!(
            refused.contains("is cancelled: only jobs that wait"),
            "{refused}"
        );
        assert_eq!(
            terminal.say("jobs edit 9 --priority 1").refused(1),
            "there is no job 9"
        );
    }
}

#[test]
fn many_jobs_are_counted_before_they_are_cancelled_and_retried() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        for _ in 0..3 {
            terminal.say("jobs enqueue simple_task --in 1h").done();
        }
        terminal
            .say(r#"jobs enqueue parameter_task {"parameter":"x"}"#)
            .done();
        let dry = terminal.say("jobs cancel --state scheduled --kind simple_task --dry-run");
        assert_eq!(dry.done(), "jobs that would be cancelled: 3\n");
        let counted = terminal.say("jobs cancel --all --dry-run --json").json();
        assert_eq!(counted, json!({"matched": 4, "changed": 0}));
        let cancelled = terminal.say("jobs cancel --kind simple_task").done();
        assert_eq!(cancelled, "jobs that are cancelled: 3\n");
        let retried = terminal.say("jobs retry --all --json").json();
        assert_eq!(retried, json!({"matched": 3, "changed": 3}));
        assert_eq!(
            terminal.say("jobs retry --queue task").done(),
            "jobs that are due again: 0\n"
        );
        // Nothing said is not everything.
        assert_eq!(terminal.say("jobs cancel").code, Some(2));
        assert_eq!(terminal.say("jobs retry --dry-run").code, Some(2));
    }
}

#[test]
fn a_job_that_nobody_could_do_is_not_enqueued() {
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database);
    let refused = terminal.say("jobs enqueue brew_coffee").refused(2);
    assert!(
        refused.contains("`brew_coffee`; the kinds are parameter_task"),
        "{refused}"
    );
    let refused = terminal
        .say(r#"jobs enqueue parameter_task {"x":1}"#)
        .refused(2);
    assert!(refused.contains("do not fit `parameter_task`"), "{refused}");
    assert_eq!(terminal.say("jobs list").done(), "no jobs\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_finds_what_the_command_line_left() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        let app = server(&database)
            .set("CADASTRO_SIMPLE_TASK", "0s")
            .start()
            .await;
        terminal.say("jobs enqueue simple_task").done();
        reaches(&app, 1, State::Completed).await;
        let shown = terminal.say("jobs show 1").done();
        assert!(shown.contains("state     completed\n"), "{shown}");
        assert!(
            shown.contains("result    Tarefa simples concluída!\n"),
            "{shown}"
        );
        let refused = terminal.say("jobs retry 1").refused(1);
        assert!(refused.starts_with("job 1 is completed"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_executes_on_a_server_is_asked_to_stop() {
    for database in TestDatabase::both() {
        let app = cancel::toiling(&database).real_clock().start().await;
        let job = cancel::one_that_cleans_up(&app).await;
        let terminal = Terminal::at(&database);
        assert!(terminal.say("jobs list").done().contains("since 2"));
        let refused = terminal.say(&format!("jobs retry {job}")).refused(1);
        assert!(refused.contains("executing"), "{refused}");
        assert_eq!(
            terminal.say(&format!("jobs cancel {job}")).done(),
            format!("job {job} (toil) is asked to stop\n")
        );
        reaches(&app, job.0, State::Cancelled).await;
        let shown = terminal.say(&format!("jobs show {job}")).done();
        let why = "cancelled  half of it is undone; cancelled by an operator at 2";
        assert!(shown.contains(why), "{shown}");
        assert!(shown.contains("cancel    asked for at 2"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_the_same_from_the_command_line_as_from_the_api() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        // Nobody signed up: the letter is cancelled, and the attempt says why.
        terminal
            .say(r#"jobs enqueue welcome_email {"signup":7}"#)
            .done();
        terminal.say("jobs enqueue simple_task").done();
        let app = server(&database)
            .set("CADASTRO_SIMPLE_TASK", "0s")
            .start()
            .await;
        reaches(&app, 1, State::Cancelled).await;
        reaches(&app, 2, State::Completed).await;
        let shown = terminal.say("jobs show 1").done();
        assert!(
            shown.contains("cancelled  the sign-up is gone\n"),
            "{shown}"
        );

        for (line, path) in [
            ("jobs list --json", "jobs"),
            ("jobs list --limit 1 --json", "jobs?limit=1"),
            ("jobs show 1 --json", "jobs/1"),
            ("jobs show 2 --json", "jobs/2"),
            ("queues list --json", "queues"),
        ] {
            let url = format!("{}/api/v1/{path}", app.url);
            let request = reqwest::Client::new().get(url).bearer_auth(TOKEN);
            let answer = request.send().await.expect("an answer");
            let api: Value = answer.json().await.expect("JSON");
            let (told, api) = (terminal.say(line).json(), ageless(api));
            assert_eq!(ageless(told), api, "{database}: {line}");
        }
    }
}

/// The server's count of the jobs of a queue may be older than the command's.
fn ageless(mut told: Value) -> Value {
    let queues = told["queues"].as_array_mut();
    for queue in queues.into_iter().flatten() {
        let age = queue
            .as_object_mut()
            .and_then(|queue| queue.remove("jobs_age_seconds"));
        assert!(age.is_some_and(|age| age.is_number()), "{queue}");
    }
    told
}

#[test]
fn a_queue_is_paused_and_resumed() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        terminal.say("jobs enqueue simple_task").done();
        let paused = terminal.say("queues pause task").done();
        assert!(paused.starts_with("task is paused"), "{paused}");
        let table = terminal.say("queues list").done();
        let task = table.lines().nth(2).expect("the second queue");
        assert!(task.starts_with("task ") && task.contains("paused from the command line"));
        let queue = terminal.say("queues resume task --json").json();
        assert_eq!(
            (&queue["name"], &queue["paused"]),
            (&json!("task"), &json!(false))
        );
        assert_eq!(queue["jobs"], json!({"available": 1}));
        assert_eq!(terminal.say("queues pause post").code, Some(1));
        assert_eq!(terminal.say("queues pause Post").code, Some(2));
    }
}
