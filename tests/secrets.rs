//! Secret arguments: nobody reads them but the job, wherever they stand.

use std::time::Duration;

use cadastro::{
    jobs::JobError,
    queue::{Job, Keys, State},
    testing::TestApp,
};
use reqwest::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::{
    cli::Terminal,
    embedding::{Subscribe, binary, ours, subscription},
    support::{
        database::TestDatabase,
        program::{Program, command},
        raw::Raw,
        visitor::{TOKEN, Visitor},
    },
};

/// What nobody is to see.
const SECRET: &str = "tulip-janela-4711";

/// A key, as a person gives it.
fn key(number: u8) -> String {
    format!("{number:02}").repeat(32)
}

async fn start(database: &TestDatabase, keys: &str) -> TestApp {
    let settings = [
        ("DATABASE_URL", database.url()),
        ("CADASTRO_SECRET_KEY", keys),
        ("CADASTRO_OPERATOR_TOKEN", TOKEN),
    ];
    TestApp::with(&settings, ours).await
}

/// All that the tables say of jobs.
async fn tables(database: &TestDatabase) -> String {
    let sql = "SELECT args || ' ' || coalesce(result, '') AS line FROM jobs \
               UNION ALL SELECT coalesce(error, '') FROM attempts";
    Raw::open(database.url()).await.lines(sql).await.join("\n")
}

fn operator(app: &TestApp) -> Visitor {
    let visitor = Visitor::at(&app.url, Duration::from_secs(60));
    visitor.with(AUTHORIZATION, &format!("Bearer {TOKEN}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_reaches_its_job_and_nobody_who_looks_on_the_way() {
    for database in TestDatabase::both() {
        let app = start(&database, &key(1)).await;
        let ran = app.run(&subscription(1, SECRET)).await;
        assert_eq!(ran.row.state, State::Completed, "{database} {ran:?}");
        assert!(!format!("{ran:?}").contains(SECRET));
        let new = subscription(1, SECRET).now();
        assert!(!format!("{new:?}").contains(SECRET), "{new:?}");
        // For a test of the program's own, it is what it was.
        assert_eq!(app.enqueued::<Subscribe>().await[0].args.token, SECRET);

        let operator = operator(&app);
        let asked = json!({"kind": "subscribe", "args": {"user": 2, "token": SECRET}});
        let created = operator.post_json("/api/v1/jobs", &asked).await;
        let created = created.with_status(201).json();
        app.quiet().await;
        let path = format!("/api/v1/jobs/{}", created["id"]);
        let shown = operator.get(&path).await.with_status(200).json();
        assert_eq!(shown["state"], "completed", "{shown}");
        for shown in [&created, &shown] {
            assert_eq!(shown["args"], json!({"user": 2, "token": "***"}));
        }

        let stored = tables(&database).await;
        assert!(stored.contains("sealed:"), "{stored}");
        assert!(!stored.contains(SECRET), "{stored}");
        app.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_do_not_fit_are_refused_without_being_repeated() {
    let database = TestDatabase::sqlite();
    let app = start(&database, &key(1)).await;
    let asked = json!({"kind": "subscribe", "args": {"user": SECRET, "token": SECRET}});
    let refused = operator(&app).post_json("/api/v1/jobs", &asked).await;
    let refused = refused.with_status(422).json().to_string();
    assert!(refused.contains("do not fit `subscribe`"), "{refused}");
    assert!(!refused.contains(SECRET), "{refused}");
    // That something is missing says nothing of what is there.
    let asked = json!({"kind": "subscribe", "args": {"token": SECRET}});
    let refused = operator(&app).post_json("/api/v1/jobs", &asked).await;
    let refused = refused.with_status(422).json().to_string();
    assert!(refused.contains("missing field `user`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_not_kept_where_it_cannot_be_sealed() {
    let database = TestDatabase::sqlite();
    let app = start(&database, &key(1)).await;
    let operator = operator(&app);
    let args = json!({"user": 1, "token": SECRET});
    let entry = json!({"name": "a", "kind": "subscribe", "args": args, "schedule": "@daily"});
    let refused = operator.post_json("/api/v1/cron", &entry).await;
    let refused = refused.with_status(422).body;
    assert!(refused.contains("the crontab keeps none"), "{refused}");

    let new = json!({"kind": "subscribe", "args": args, "delay_seconds": 60});
    let job = operator.post_json("/api/v1/jobs", &new).await;
    let path = format!("/api/v1/jobs/{}", job.with_status(201).json()["id"]);
    let edit = operator.request(Method::PATCH, &path);
    let refused = operator.send(edit.json(&json!({"args": args}))).await;
    let refused = refused.with_status(422).body;
    assert!(refused.contains("cannot be changed"), "{refused}");
    let edit = operator.request(Method::PATCH, &path);
    let edited = operator.send(edit.json(&json!({"priority": 3}))).await;
    assert_eq!(edited.with_status(200).json()["priority"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_seals_and_neither_it_nor_the_log_shows_a_secret() {
    for database in TestDatabase::both() {
        let key = key(1);
        let settings = [("CADASTRO_SECRET_KEY", key.as_str()), ("RUST_LOG", "trace")];
        let terminal = Terminal::of(binary())
            .with("DATABASE_URL", database.url())
            .with("CADASTRO_SECRET_KEY", &key);
        terminal.say("migrate").done();
        let args = format!(r#"{{"user":1,"token":"{SECRET}"}}"#);
        let line = format!("jobs enqueue subscribe {args} --json");
        let enqueued = terminal.say(&line).json();
        assert_eq!(enqueued["args"]["token"], "***");

        let binary = binary().display().to_string();
        let program = Program::ready(command(&binary, &database, &settings));
        program.logs("an attempt ended").await;
        let log = program.log();
        assert!(!log.contains(SECRET), "{log}");

        let show = format!("jobs show {}", enqueued["id"]);
        let shown = terminal.say(&show).done();
        assert!(shown.contains(r#""token":"***""#), "{shown}");
        assert!(shown.contains("completed"), "{shown}");
        // cadastro itself does not know the kind, and sees no more.
        let cadastro = Terminal::at(&database).say(&show).done();
        assert!(cadastro.contains(r#""token":"***""#), "{cadastro}");
        assert!(!tables(&database).await.contains(SECRET));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_seals_while_the_old_one_still_opens() {
    for database in TestDatabase::both() {
        let app = start(&database, &key(1)).await;
        let later = Duration::from_secs(60);
        app.enqueue(subscription(1, SECRET).after(later)).await;
        app.stop();

        let app = start(&database, &format!("{},{}", key(2), key(1))).await;
        app.enqueue(subscription(2, SECRET).after(later)).await;
        app.advance(later).await;
        for job in app.enqueued::<Subscribe>().await {
            assert_eq!(job.row.state, State::Completed, "{database}");
        }
        let new = &app.enqueued::<Subscribe>().await[1].row;
        let opens = |number| cadastro::jobs::decode::<Subscribe>(new, &Keys::new([[number; 32]]));
        assert!(opens(0x02).is_ok(), "the first key sealed it");
        assert!(matches!(opens(0x01), Err(JobError::Failed(_))));
        app.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_whose_key_is_gone_waits_for_it_to_come_back() {
    for database in TestDatabase::both() {
        let app = start(&database, &key(1)).await;
        let later = Duration::from_secs(60);
        let id = app.enqueue(subscription(1, SECRET).after(later)).await.id;
        app.stop();

        let app = start(&database, &key(2)).await;
        app.advance(later).await;
        let row = app.store.job(id).await.expect("an answer").expect("it");
        assert_eq!(row.state, State::Retryable, "{database}");
        let attempts = app.store.attempts(id).await.expect("an answer");
        let error = attempts[0].error.as_deref().expect("a reason");
        let said = "the secret `token` of `subscribe` opens with no key of --secret-key";
        assert!(error.contains(said), "{error}");
        app.stop();

        let app = start(&database, &key(1)).await;
        app.advance(Duration::from_secs(3600)).await;
        let row = app.store.job(id).await.expect("an answer").expect("it");
        assert_eq!(row.state, State::Completed, "{database}");
        let args: Value = row.shown_args();
        assert_eq!(args["token"], "***");
        app.stop();
    }
}
