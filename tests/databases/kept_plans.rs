//! PostgreSQL keeps the plan of a statement with the connection on which it is asked again and again. To make it anew
//! each time takes longer than the answer, and one that was made while the tables were empty has to suit full ones.

use cadastro::{
    metrics::Metrics,
    on_connection,
    queue::TASK,
    store::{
        JobRow, NewLetter, NewSignup, PoolSize, Progress, Store, diesel, diesel_async::RunQueryDsl,
    },
};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Integer, Text},
};

use super::{
    Raw, Subject, at,
    attempts::{settled, verdict},
    enqueued, enter, job, plans, sign_up, signed_up,
};
use crate::support::database::TestDatabase;

/// Those to which each sign-up adds.
const TABLES: [&str; 3] = ["jobs", "users", "signups"];

/// A statement that is kept with a connection.
#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    statement: String,
    #[diesel(sql_type = Integer)]
    parameters: i32,
    /// How often it was planned for the parameters of one time.
    #[diesel(sql_type = BigInt)]
    custom_plans: i64,
}

const PREPARED: &str = "SELECT name, statement, cardinality(parameter_types) AS parameters, custom_plans \
     FROM pg_prepared_statements WHERE cardinality(parameter_types) > 0";

/// A line of a plan.
#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// A text.
#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    said: String,
}

/// Asks the store's only connection something past the store.
async fn answers<T>(store: &Store, question: String) -> Vec<T>
where
    T: QueryableByName<diesel::pg::Pg> + QueryableByName<diesel::sqlite::Sqlite> + Send + 'static,
{
    let asked = store.transaction(at(0), async |mut tx| {
        on_connection!(tx, |c| sql_query(question).load::<T>(c).await)
    });
    asked.await.expect("an answer").expect("rows")
}

/// What a connection of the store's answers to a question for one text.
async fn said(store: &Store, question: &str) -> String {
    let answers: Vec<Answer> = answers(store, format!("SELECT {question} AS said")).await;
    answers.into_iter().map(|answer| answer.said).collect()
}

fn letter(job: &JobRow) -> NewLetter {
    NewLetter {
        message_id: format!("job-{}@localhost", job.id),
        sender: "no-reply@localhost".to_owned(),
        recipient: "maria@example.com".to_owned(),
        subject: "Olá".to_owned(),
        text: "Olá!\n".to_owned(),
        html: "<p>Olá!</p>".to_owned(),
        source: Vec::new(),
        sent_at: at(1),
    }
}

/// A sign-up, and the ways of two jobs; the number makes it another one.
async fn a_turn(store: &Store, number: i64) {
    let (name, email) = (
        format!("maria{number}"),
        format!("maria{number}@example.com"),
    );
    let form = NewSignup {
        idempotency_key: Some(format!("form {number}")),
        ..sign_up(&name, &email)
    };
    signed_up(store, form).await;
    enqueued(store, job("now")).await;
    store.stage(at(number)).await.expect("an answer");
    // Another limit each time, as there are always other actors free.
    let claim = store.claim(TASK, &["now", "later"], 5 + number as usize, "here", at(1));
    let jobs = claim.await.expect("an answer").jobs;
    let first = &jobs[0];
    let step = Progress {
        job: first.id,
        attempt: first.attempt,
        percent: 50,
        message: None,
    };
    store
        .note_progress("here", &[step])
        .await
        .expect("an answer");
    assert!(
        store
            .keep_letter(&letter(first), first)
            .await
            .expect("an answer")
    );
    let ends: Vec<_> = jobs.iter().map(|job| settled(job, verdict())).collect();
    assert!(
        store
            .settle(&ends)
            .await
            .expect("an answer")
            .iter()
            .all(|ours| *ours)
    );
}

fn with_one_connection(database: &TestDatabase) -> Store {
    Store::postgres(database.url(), PoolSize(1), Metrics::new("test")).expect("a way there")
}

/// What is kept after twenty turns, with the plan of each; none of it was planned anew each time.
async fn kept(subject: &Subject, people: std::ops::Range<i64>) -> Vec<(String, String)> {
    let store = with_one_connection(&subject.database);
    for number in people {
        a_turn(&store, number).await;
    }
    let prepared: Vec<Prepared> = answers(&store, PREPARED.to_owned()).await;
    let mut plans = Vec::new();
    for question in prepared {
        let Prepared {
            name, statement, ..
        } = question;
        // That many times PostgreSQL tries whether it pays.
        assert!(question.custom_plans <= 5, "planned each time: {statement}");
        let nulls = vec!["NULL"; question.parameters as usize].join(", ");
        let explain = format!("EXPLAIN EXECUTE {name} ({nulls})");
        let plan: Vec<Line> = answers(&store, explain).await;
        let plan: Vec<_> = plan.into_iter().map(|step| step.line).collect();
        plans.push((statement, plan.join("\n")));
    }
    plans
}

#[tokio::test]
async fn what_is_asked_again_and_again_is_planned_once_and_answered_from_an_index() {
    let subject = Subject::on(TestDatabase::postgres()).await;
    let mut raw = subject.raw().await;
    // Nobody comes by and counts the few rows in the middle of it.
    for table in TABLES {
        raw.run(&format!(
            "ALTER TABLE {table} SET (autovacuum_enabled = false)"
        ))
        .await;
    }
    // The server knows that they are empty, and plans for that.
    raw.run("VACUUM ANALYZE").await;
    let from_the_first_day_on = kept(&subject, 0..20).await;
    look_up(from_the_first_day_on);
    plans::fill(&mut raw).await;
    // So many are never free actors.
    raw.run("UPDATE jobs SET state = 'available', kind = 'now' WHERE state = 'scheduled'")
        .await;
    raw.run("ANALYZE").await;
    // By now it knows that the jobs are many, and the people still few.
    look_up(kept(&subject, 20..40).await);
}

/// How what is asked in each turn begins.
const ASKED: [&str; 10] = [
    "WITH wanted",
    "INSERT INTO users",
    "INSERT INTO signups",
    "INSERT INTO jobs",
    "UPDATE jobs SET state = 'available'",
    "UPDATE jobs SET state = 'executing'",
    "WITH news",
    "WITH held",
    "INSERT INTO \"letters\"",
    "WITH ends",
];

/// Fails if a kept plan reads one of [`TABLES`], or an index of one, from end to end.
fn look_up(plans: Vec<(String, String)>) {
    for asked in ASKED {
        let kept = plans.iter().any(|(kept, _)| kept.starts_with(asked));
        assert!(kept, "sent anew each time: {asked}");
    }
    for (statement, plan) in plans {
        let lines: Vec<_> = plan.lines().collect();
        for (line, next) in lines.iter().zip(lines.iter().skip(1).chain([&""])) {
            let named = |table: &&str| line.contains(&format!(" on {table} "));
            let of_ours = TABLES.iter().any(named);
            // A bitmap is made on a line of its own, which names the index alone.
            let by_index =
                of_ours && line.contains(" using ") || line.contains("Bitmap Index Scan");
            let looks_up = !by_index || next.contains("Index Cond:");
            let scans = of_ours && line.contains("Seq Scan");
            assert!(looks_up && !scans, "{line}\n{statement}\n{plan}");
        }
    }
}

/// How often each of [`TABLES`] has been read from end to end, as far as connections have told.
const SCANS: &str = "SELECT relname || ' ' || seq_scan AS line FROM pg_stat_user_tables \
     WHERE relname IN ('jobs', 'users', 'signups') ORDER BY relname";

/// How many are connected beside whoever asks.
const OTHERS: &str = "SELECT CAST(count(*) AS TEXT) AS line FROM pg_stat_activity \
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// The server writes the text of what checks a foreign key, and shows no plan of it.
#[tokio::test]
async fn what_a_row_refers_to_is_looked_up_in_an_index_too() {
    let database = TestDatabase::postgres();
    let store = with_one_connection(&database);
    store.migrate().await.expect("it migrates");
    enter(&store, "here").await;
    let mut raw = Raw::open(database.url()).await;
    raw.run("VACUUM ANALYZE").await;
    // The one that migrated tells as it goes, and only the store's one is left.
    raw.until(OTHERS, |others| others == ["1"]).await;
    let before = raw.lines(SCANS).await;
    assert_eq!(before.len(), TABLES.len());
    for number in 0..20 {
        a_turn(&store, number).await;
    }
    // Else it tells when it has been idle for a while.
    said(&store, "(SELECT 'told' FROM pg_stat_force_next_flush())").await;
    assert_eq!(raw.lines(SCANS).await, before);
}

const SETTINGS: &str = "current_setting('enable_seqscan') || ', ' || current_setting('jit')";

#[tokio::test]
async fn indexes_come_first_unless_the_operator_has_said_whether_they_do() {
    let subject = Subject::on(TestDatabase::postgres()).await;
    let ours = async || said(&subject.another_store(), SETTINGS).await;
    let mut raw = subject.raw().await;
    let theirs = raw.lines(&format!("SELECT {SETTINGS}")).await;
    assert_eq!(ours().await, "off, off");
    let url = subject.database.url();
    let (_, name) = url.rsplit_once('/').expect("a database");
    let name = name.split('?').next().expect("a name");
    raw.run(&format!(
        "ALTER DATABASE \"{name}\" SET enable_seqscan = on"
    ))
    .await;
    assert_eq!([ours().await], theirs[..]);
}

#[tokio::test]
async fn a_migration_goes_by_the_plans_of_the_server() {
    let database = TestDatabase::postgres();
    let mut raw = Raw::open(database.url()).await;
    let theirs = raw.lines(&format!("SELECT {SETTINGS}")).await;
    raw.run(&format!(
        "CREATE TABLE seen (line TEXT);
         CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO seen VALUES ({SETTINGS}); END $$;
         CREATE EVENT TRIGGER see ON ddl_command_end EXECUTE FUNCTION see()"
    ))
    .await;
    database.store().migrate().await.expect("it migrates");
    let seen = raw.lines("SELECT DISTINCT line FROM seen").await;
    assert_eq!(seen, theirs);
}
