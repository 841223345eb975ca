//! Rows that the database does not take, though it is well: they stand in nobody else's way.

use std::time::Duration;

use cadastro::queue::{NewJob, TASK};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    recovery::{QUICK, all, jobs},
    support::{
        database::TestDatabase,
        program::{Program, sign_up, watch},
        raw::Raw,
        visitor::{PASSWORD, Visitor},
    },
};

/// What the database says of a row that it refuses.
const WORDS: &str = "nobody wants this row";

/// The end of the first job of this kind.
const ONE_END: &str =
    "NEW.state = 'completed' AND NEW.id = (SELECT min(id) FROM jobs WHERE kind = 'parameter_task')";

/// Has the database refuse what is `done` to a table, `UPDATE ON jobs`, where `NEW` is such a row.
async fn refuse(raw: &mut Raw, done: &str, such: &str) {
    let trigger = match raw {
        Raw::Sqlite(_) => format!(
            "CREATE TRIGGER refuse BEFORE {done} WHEN {such} BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
        ),
        Raw::Postgres(_) => format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF {such} THEN RAISE EXCEPTION '{WORDS}'; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE {done} FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
    };
    raw.run(&trigger).await;
}

/// Has it take everything again.
async fn relent(raw: &mut Raw) {
    raw.run(match raw {
        Raw::Sqlite(_) => "DROP TRIGGER refuse",
        Raw::Postgres(_) => "DROP FUNCTION refuse CASCADE",
    })
    .await;
}

/// The lines of a log that say this.
fn lines<'a>(log: &'a [Value], says: &str) -> Vec<&'a Value> {
    let says = |line: &&Value| line["message"].as_str().is_some_and(|m| m.contains(says));
    log.iter().filter(says).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_the_database_refuses_keeps_back_no_other_and_is_written_once_it_may_be() {
    for database in TestDatabase::both() {
        let program = Program::start(&database, &QUICK);
        let mut raw = Raw::open(database.url()).await;
        refuse(&mut raw, "UPDATE ON jobs", ONE_END).await;
        let maria = sign_up(&program, "maria").await;
        let told = program.logs("cannot be written down").await;
        let refused = jobs(&database, &maria).await;
        let refused = refused.iter().find(|job| job.kind == "parameter_task");
        let refused = refused.expect("a sign-up starts one");
        assert_eq!(told["job.id"], refused.id.0, "{database}");
        assert_eq!(told["kind"], "parameter_task");
        assert_eq!(told["level"], "ERROR");
        let why = told["error"].as_str().expect("a reason");
        assert!(why.contains(WORDS), "{why}");

        // Those that end after it are written down while it waits.
        let jose = sign_up(&program, "jose").await;
        watch(&program, &jose, all("completed")).await;

        relent(&mut raw).await;
        watch(&program, &maria, all("completed")).await;
        for job in jobs(&database, &maria).await {
            assert_eq!(job.attempt, 1, "{database}: its work was not done again");
        }
        let outages = program.logged();
        assert!(lines(&outages, "the database is away").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_ends_are_refused_stops_at_once_and_does_the_work_again_later() {
    for database in TestDatabase::both() {
        // Longer than anybody waits.
        let settings = [QUICK.as_slice(), &[("CADASTRO_SHUTDOWN_GRACE", "1h")]].concat();
        let program = Program::start(&database, &settings);
        let mut raw = Raw::open(database.url()).await;
        refuse(&mut raw, "UPDATE ON jobs", ONE_END).await;
        let maria = sign_up(&program, "maria").await;
        program.logs("cannot be written down").await;
        assert_eq!(program.terminate().code(), Some(0), "{database}");

        relent(&mut raw).await;
        let program = Program::start(&database, &QUICK);
        watch(&program, &maria, all("completed")).await;
        for job in jobs(&database, &maria).await {
            let again = i32::from(job.kind == "parameter_task");
            assert_eq!(job.attempt, 1 + again, "{database}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_every_end_is_not_asked_about_each_of_them_all_the_time() {
    /// How many a turn may find to be refused that were not before.
    const A_TURN: usize = 9;
    for database in TestDatabase::both() {
        let program = Program::start(&database, &QUICK);
        let mut raw = Raw::open(database.url()).await;
        refuse(&mut raw, "UPDATE ON jobs", "NEW.state = 'completed'").await;
        let new = vec![NewJob::of("simple_task", TASK); 100];
        let store = database.store();
        let now = Timestamp::now();
        store.enqueue(&new, now).await.expect("enqueued");
        // A turn that has had enough says so, and the rest is tried a second later.
        let given_up = "refuses one end after the other";
        program.logs(given_up).await;
        // What is due is begun all the same.
        store.enqueue(&new[..1], now).await.expect("enqueued");
        let begun = "SELECT CAST(count(*) AS TEXT) AS line FROM jobs WHERE state = 'executing'";
        raw.until(begun, |count| count == ["101"]).await;
        program.logs_often(given_up, 3).await;
        let log = program.logged();
        let turns = log.split(|line| {
            line["message"]
                .as_str()
                .is_some_and(|m| m.contains(given_up))
        });
        // Before the first time ends come as the jobs do, a few to a turn, and several turns may have found some.
        for turn in turns.skip(1) {
            let refused = lines(turn, "cannot be written down");
            // Those that were wait for longer each time.
            let new = refused.iter().filter(|line| line["again_in_s"] == 1);
            assert!(new.count() <= A_TURN, "{database}: {turn:#?}");
        }
        relent(&mut raw).await;
        let completed = "SELECT CAST(count(*) AS TEXT) AS line FROM jobs \
                         WHERE state = 'completed' AND attempt = 1";
        raw.until(completed, |count| count == ["101"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_the_database_refuses_fails_alone() {
    for database in TestDatabase::both() {
        let program = Program::start(&database, &QUICK);
        let mut raw = Raw::open(database.url()).await;
        refuse(
            &mut raw,
            "INSERT ON users",
            "NEW.username_key = 'visitor-7'",
        )
        .await;
        // Most of them share a transaction with others.
        let answers = join_all((0..20).map(|number| {
            let visitor = Visitor::at(&program.url, Duration::from_secs(60));
            async move {
                let username = format!("visitor-{number}");
                let email = format!("{username}@example.com");
                let body = json!({"username": username, "email": email, "password": PASSWORD});
                visitor.post_json("/api/v1/signups", &body).await.status
            }
        }));
        let mut expected = vec![202; 20];
        expected[7] = 500;
        assert_eq!(answers.await, expected, "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_from_which_nothing_can_be_claimed_keeps_no_other_waiting() {
    for database in TestDatabase::both() {
        let program = Program::start(&database, &QUICK);
        let mut raw = Raw::open(database.url()).await;
        // The first in the order in which they are claimed from.
        let claim = "NEW.state = 'executing' AND NEW.queue = 'email'";
        refuse(&mut raw, "UPDATE ON jobs", claim).await;
        let maria = sign_up(&program, "maria").await;
        let two = |jobs: &str| jobs.matches("data-state=\"completed\"").count() == 2;
        watch(&program, &maria, two).await;
        let told = program.logs("nothing can be claimed from this queue").await;
        assert_eq!(told["queue"], "email", "{database}");
        assert_eq!(told["level"], "ERROR");
        let why = told["error"].as_str().expect("a reason");
        assert!(why.contains(WORDS), "{why}");

        relent(&mut raw).await;
        watch(&program, &maria, all("completed")).await;
        for job in jobs(&database, &maria).await {
            assert_eq!(job.attempt, 1, "{database}: {job:?}");
        }
    }
}
