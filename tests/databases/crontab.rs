//! Entries of the crontab: who fires one, and what becomes of it when the code or an operator changes it.

use cadastro::{
    queue::{Cron, Missed, NewEntry, NewJob},
    store::EntryRow,
};

use super::{at, job, on_both};

fn entry(name: &str) -> NewEntry {
    NewEntry {
        kind: "a".to_owned(),
        ..Cron::at("@hourly").entry(name)
    }
}

/// One job, whatever the row says.
fn one_job(_: &EntryRow) -> Option<Vec<NewJob>> {
    Some(vec![job("a")])
}

#[tokio::test]
async fn of_two_processes_that_fire_an_entry_at_once_one_does() {
    on_both(async |subject| {
        let (one, other) = (&subject.store, subject.another_store());
        let added = one.add_entry(&entry("report"), at(0)).await;
        added.expect("an answer").expect("added");
        for round in 1..=50 {
            let now = at(round);
            let (ours, theirs) = tokio::join!(
                one.fire("report", &one_job, now),
                other.fire("report", &one_job, now)
            );
            let fired = ours.expect("an answer").len() + theirs.expect("an answer").len();
            assert_eq!(fired, 1, "{round}");
        }
        let lines = subject
            .raw()
            .await
            .lines("SELECT CAST(count(*) AS TEXT) AS line FROM jobs")
            .await;
        assert_eq!(lines, ["50"]);
    })
    .await;
}

#[tokio::test]
async fn an_entry_and_its_jobs_move_on_together_or_not_at_all() {
    on_both(async |subject| {
        let store = &subject.store;
        let added = store.add_entry(&entry("report"), at(0)).await;
        let added = added.expect("an answer").expect("added");
        // No row can be of such a sign-up: the job is refused, and with it the note that the entry fired.
        let impossible = |_: &EntryRow| {
            let orphan = NewJob {
                signup: Some(cadastro::queue::SignupId(999)),
                ..job("a")
            };
            Some(vec![job("a"), orphan])
        };
        store
            .fire("report", &impossible, at(5))
            .await
            .expect_err("refused");
        let after = store.entry("report").await.expect("an answer");
        assert_eq!(after, Some(added));
        let jobs = store.jobs(&Default::default(), None, 9).await;
        assert_eq!(jobs.expect("an answer"), []);
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_behind_brings_nothing_back() {
    on_both(async |subject| {
        let store = &subject.store;
        store
            .add_entry(&entry("report"), at(0))
            .await
            .expect("an answer");
        let fired = store.fire("report", &one_job, at(100)).await;
        assert_eq!(fired.expect("an answer").len(), 1);
        let behind = store.fire("report", &one_job, at(99)).await;
        assert_eq!(behind.expect("an answer"), []);
        for enabled in [false, true] {
            let row = store.enable_entry("report", enabled, at(50)).await;
            let row = row.expect("an answer").expect("it is there");
            assert_eq!((row.enabled, row.passed_at), (enabled, at(100)));
        }
        let enabled = store.enable_entry("report", true, at(200)).await;
        let row = enabled.expect("an answer").expect("it is there");
        assert_eq!(row.passed_at, at(100), "it was enabled all the while");
    })
    .await;
}

#[tokio::test]
async fn an_entry_of_which_a_program_cannot_tell_is_left_to_others() {
    on_both(async |subject| {
        let store = &subject.store;
        let added = store.add_entry(&entry("report"), at(0)).await;
        let fired = store.fire("report", &|_| None, at(100)).await;
        assert_eq!(fired.expect("an answer"), []);
        let row = store.entry("report").await.expect("an answer");
        assert_eq!(row, added.expect("an answer"));
    })
    .await;
}

#[tokio::test]
async fn a_declared_entry_follows_the_code_and_keeps_what_an_operator_decided() {
    on_both(async |subject| {
        let store = &subject.store;
        let declare = async |entries: &[NewEntry], now| {
            let kinds = ["a", "b"];
            store
                .declare(entries, &kinds, at(now))
                .await
                .expect("declared");
            store.crontab().await.expect("an answer")
        };
        let rows = declare(&[entry("a"), entry("b")], 1).await;
        assert!(
            rows.iter()
                .all(|row| row.enabled && row.declared && row.passed_at == at(1))
        );
        store
            .enable_entry("a", false, at(2))
            .await
            .expect("an answer");

        // A start that changes nothing forgets nothing that was missed.
        let rows = declare(&[entry("a"), entry("b")], 3).await;
        assert_eq!((rows[1].passed_at, rows[0].enabled), (at(1), false));

        let changed = NewEntry {
            schedule: "@daily".to_owned(),
            missed: Missed::All(3),
            ..entry("a")
        };
        let rows = declare(&[changed.clone(), entry("b")], 4).await;
        assert_eq!(rows[0].entry, changed);
        assert_eq!((rows[0].passed_at, rows[0].enabled), (at(4), false));

        // What the code no longer declares is gone; what an operator added is not.
        store
            .add_entry(&entry("mine"), at(5))
            .await
            .expect("an answer");
        assert!(!store.remove_entry("a").await.expect("an answer"));
        let rows = declare(&[entry("b")], 6).await;
        let names: Vec<_> = rows.iter().map(|row| row.entry.name.as_str()).collect();
        assert_eq!(names, ["b", "mine"]);
        // Another program's kinds are its own affair.
        store
            .declare(&[], &["another"], at(7))
            .await
            .expect("declared");
        assert_eq!(store.crontab().await.expect("an answer"), rows);
        assert!(store.remove_entry("mine").await.expect("an answer"));
    })
    .await;
}
