//! `cadastro bench`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Terminal;
use crate::support::database::TestDatabase;

/// What a measurement printed: each figure's value, by its name and unit.
type Figures = BTreeMap<(String, String), f64>;

fn figures(said: &str) -> Figures {
    let figure = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let word = |name: &str| line[name].as_str().expect("a word").to_owned();
        let value = line["value"].as_f64().expect("a number");
        ((word("figure"), word("unit")), value)
    };
    said.lines().map(figure).collect()
}

fn names(figures: &Figures) -> Vec<(&str, &str)> {
    let names = figures.keys();
    names.map(|(name, unit)| (&**name, &**unit)).collect()
}

/// How many tasks are completed.
fn completed(terminal: &Terminal) -> u64 {
    let queue = terminal.say("queues show task --json").json();
    let completed = queue["jobs"]["completed"].as_u64();
    completed.unwrap_or_else(|| panic!("no count: {queue}"))
}

#[test]
fn jobs_are_enqueued_and_all_of_them_done() {
    for database in TestDatabase::both_bare() {
        let terminal = Terminal::new().with("DATABASE_URL", database.url());
        let said = terminal.say("bench jobs --count 700 --batch 300").done();
        let figures = figures(&said);
        let expected = [("drain", "jobs/s"), ("enqueue", "jobs/s"), ("rss", "bytes")];
        assert_eq!(names(&figures), expected, "{database}");
        assert!(figures.values().all(|value| *value > 0.0), "{said}");
        assert_eq!(completed(&terminal), 700);
    }
}

#[test]
fn timers_tell_how_late_jobs_started() {
    for database in TestDatabase::both() {
        let terminal = Terminal::new().with("DATABASE_URL", database.url());
        let said = terminal
            .say("bench timers --count 50 --within 500ms")
            .done();
        let figures = figures(&said);
        let expected = [
            ("lateness_max", "s"),
            ("lateness_p50", "s"),
            ("lateness_p99", "s"),
            ("rss", "bytes"),
        ];
        assert_eq!(names(&figures), expected, "{database}");
        let late: Vec<f64> = figures.into_values().collect();
        let (max, p50, p99) = (late[0], late[1], late[2]);
        // No job starts before it is due.
        assert!(0.0 <= p50 && p50 <= p99 && p99 <= max, "{said}");
        assert_eq!(completed(&terminal), 50);
    }
}

#[test]
fn people_are_signed_up_and_a_database_that_holds_users_is_left_alone() {
    for database in TestDatabase::both() {
        let terminal = Terminal::new()
            .with("DATABASE_URL", database.url())
            .with("CADASTRO_PASSWORD_HASH", "m=8,t=1,p=1")
            .with("CADASTRO_ALLOW_WEAK_HASH", "1")
            .with("CADASTRO_SHUTDOWN_GRACE", "0s");
        let said = terminal.say("bench signups --count 20 --clients 4").done();
        let expected = [
            ("rss", "bytes"),
            ("signup_max", "s"),
            ("signup_p50", "s"),
            ("signup_p99", "s"),
            ("signups", "signups/s"),
        ];
        assert_eq!(names(&figures(&said)), expected, "{database}");
        let users = terminal.say("users list --json").json();
        let users = users["users"].as_array().map(Vec::len);
        assert_eq!(users, Some(20));

        for line in ["jobs --count 1", "timers --count 1", "signups --count 1"] {
            let refused = terminal.say(&format!("bench {line}")).refused(1);
            assert!(
                refused.starts_with("this database holds users: "),
                "{refused}"
            );
        }
    }
}

#[test]
fn a_measurement_of_nothing_is_refused() {
    let terminal = Terminal::new();
    for line in [
        "jobs",
        "jobs --count 0",
        "jobs --count 1 --batch 0",
        "timers --count 1 --within soon",
    ] {
        let said = terminal.say(&format!("bench {line}"));
        assert_eq!(said.code, Some(2), "{said:?}");
    }
}
