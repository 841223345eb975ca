//! `cadastro queues`: made, limited and removed from a terminal.

use serde_json::json;

use super::Terminal;
use crate::support::database::TestDatabase;

#[test]
fn a_queue_is_made_limited_and_removed() {
    for database in TestDatabase::both() {
        let terminal = Terminal::at(&database);
        terminal.say("queues add reports --workers 4").done();
        let there = terminal.say("queues add reports");
        assert_eq!(there.code, Some(1));
        assert!(
            there.err.contains("the queue reports is there"),
            "{}",
            there.err
        );
        assert_eq!(terminal.say("queues set nothing --workers 4").code, Some(1));

        let line = "queues set reports --at-once 5 --at-once-per-key 1 --rate 100/1m --json";
        let set = terminal.say(line).json();
        assert_eq!((&set["workers"], &set["at_once"]), (&json!(4), &json!(5)));
        assert_eq!(set["at_once_per_key"], 1);
        assert_eq!(set["rate"], json!({"jobs": 100, "period_seconds": 60.0}));
        let shown = terminal.say("queues show reports").done();
        assert!(shown.contains("rate             100/1m\n"), "{shown}");
        let table = terminal.say("queues list").done();
        let limits = "workers 4, at-once 5, at-once-per-key 1, rate 100/1m";
        assert!(table.contains(limits), "{table}");

        let taken_back = "queues set reports --no-workers --no-rate --json";
        let set = terminal.say(taken_back).json();
        assert_eq!(
            (&set["workers"], &set["rate"]),
            (&json!(null), &json!(null))
        );
        assert_eq!(set["at_once"], 5);

        let put = "jobs enqueue simple_task --limit-key 17 --queue";
        assert_eq!(terminal.say(&format!("{put} nothing")).code, Some(1));
        assert_eq!(terminal.say(&format!("{put} email")).code, Some(2));
        let job = terminal.say(&format!("{put} reports --json")).json();
        assert_eq!(job["queue"], "reports");
        let stays = terminal.say("queues remove reports");
        assert_eq!(stays.code, Some(1));
        terminal.say(&format!("jobs cancel {}", job["id"])).done();
        terminal.say("queues remove reports").done();
        assert_eq!(terminal.say("queues show reports").code, Some(1));
        let stays = terminal.say("queues remove task");
        assert_eq!(stays.code, Some(1));
        assert!(
            stays.err.contains("kinds of job live in `task`"),
            "{}",
            stays.err
        );
    }
}

#[test]
fn numbers_and_names_that_make_no_sense_are_refused() {
    let terminal = Terminal::at(&TestDatabase::sqlite());
    for line in [
        "queues add Re-ports",
        "queues add scheduler",
        "queues set task --workers 0",
        "queues set task --workers 4097",
        "queues set task --at-once 0",
        "queues set task --rate 100",
        "queues set task --rate 0/1m",
        "queues set task --rate 5/10ms",
        "queues set task --rate 5/1m --no-rate",
    ] {
        let said = terminal.say(line);
        assert_eq!(said.code, Some(2), "{line}: {}", said.err);
    }
}
