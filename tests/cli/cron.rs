//! `cadastro cron`.

use serde_json::json;

use super::Terminal;
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{TOKEN, Visitor},
};

const ADD: [&str; 8] = [
    "cron",
    "add",
    "report",
    "30 3 * * MON",
    "parameter_task",
    r#"{"parameter": "x"}"#,
    "--zone",
    "America/Sao_Paulo",
];

#[test]
fn an_entry_is_added_listed_shown_disabled_run_and_removed() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        assert_eq!(terminal.say("cron list").done(), "no entries\n");
        let added = terminal.say_words(&ADD).done();
        assert!(
            added.starts_with("report is enabled; it is due 2"),
            "{added}"
        );
        let refused = terminal.say_words(&ADD).refused(1);
        assert_eq!(refused, "there is an entry `report` already");

        let table = terminal.say("cron list").done();
        let mut lines = table.lines();
        assert_eq!(
            lines.next(),
            Some("NAME    SCHEDULE      ZONE               KIND            LAST  NEXT")
        );
        let line = lines.next().expect("the entry");
        assert!(line.starts_with("report  30 3 * * MON  America/Sao_Paulo  parameter_task  "));
        assert!(line.ends_with(" 06:30:00 UTC"), "{line}");
        let shown = terminal.say("cron show report").done();
        assert!(shown.contains("declared by  an operator\n"), "{shown}");
        let local = shown
            .lines()
            .filter(|line| line.contains("T03:30:00-03:00  2"));
        assert_eq!(local.count(), 10, "{shown}");

        assert_eq!(
            terminal.say("cron disable report").done(),
            "report is disabled\n"
        );
        assert!(terminal.say("cron list").done().contains(" disabled\n"));
        let ran = terminal.say("cron run report").done();
        assert!(
            ran.starts_with("job 1 is enqueued: parameter_task"),
            "{ran}"
        );
        assert!(
            terminal
                .say("cron enable report")
                .done()
                .starts_with("report is enabled")
        );
        assert_eq!(
            terminal.say("cron remove report").done(),
            "report is removed\n"
        );
        let gone = terminal.say("cron show report").refused(1);
        assert_eq!(gone, "there is no entry `report`; see `cadastro cron list`");
    }
}

#[test]
fn what_could_never_fire_is_refused_before_the_database_is_asked() {
    let terminal = Terminal::new();
    let refused = terminal
        .say_words(&["cron", "add", "report", "0 0 30 2 *", "brew_coffee"])
        .refused(2);
    assert!(
        refused.contains("`brew_coffee`; the kinds are"),
        "{refused}"
    );
    assert!(refused.contains("`0 0 30 2 *` never comes"), "{refused}");
    for word in ["--missed=all:0", "--gap=before", "--fold=thrice"] {
        let said = terminal.say(&format!("cron add report @daily simple_task {word}"));
        assert_eq!(said.code, Some(2), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_the_same_from_the_command_line_as_from_the_api() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        let app = TestApp::builder(&database)
            .real_clock()
            .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
            .start()
            .await;
        let operator = Visitor::operator(&app);
        let entry = json!({"name": "report", "kind": "simple_task", "schedule": "@yearly"});
        operator
            .post_json("/api/v1/cron", &entry)
            .await
            .with_status(201);
        for (line, path) in [
            ("cron list --json", "/api/v1/cron"),
            ("cron show report --json", "/api/v1/cron/report"),
        ] {
            let api = operator.get(path).await.with_status(200).json();
            assert_eq!(terminal.say(line).json(), api, "{database}: {line}");
        }
    }
}
