//! What really happened to the jobs, from two witnesses that the program knows nothing of: a trigger in the
//! database, and the file of the passages.

use std::{collections::BTreeSet, fmt::Debug, fs, path::Path, str::FromStr};

use crate::support::raw::Raw;

/// Writes down every move of a job from one state to another.
pub async fn install(raw: &mut Raw) {
    let trigger = match raw {
        Raw::Sqlite(_) => {
            "CREATE TRIGGER moved AFTER UPDATE OF state ON jobs WHEN OLD.state <> NEW.state
             BEGIN INSERT INTO moves VALUES (NEW.id, NEW.attempt, NEW.state); END"
        }
        Raw::Postgres(_) => {
            "CREATE FUNCTION moved() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO moves VALUES (NEW.id, NEW.attempt, NEW.state); RETURN NEW; END';
             CREATE TRIGGER moved AFTER UPDATE OF state ON jobs FOR EACH ROW
             WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION moved()"
        }
    };
    let moves = "CREATE TABLE moves (job_id BIGINT, attempt INTEGER, state TEXT)";
    raw.run(&format!("{moves}; {trigger}")).await;
}

/// The attempts that were claimed more than once: each a job's number and its own.
pub async fn claimed_twice(raw: &mut Raw) -> Vec<String> {
    let sql = "SELECT job_id || ' ' || attempt AS line FROM moves WHERE state = 'executing'
               GROUP BY job_id, attempt HAVING count(*) > 1";
    raw.lines(sql).await
}

/// The jobs that were completed more than once.
pub async fn finished_twice(raw: &mut Raw) -> Vec<String> {
    let sql = "SELECT CAST(job_id AS TEXT) AS line FROM moves WHERE state = 'completed'
               GROUP BY job_id HAVING count(*) > 1";
    raw.lines(sql).await
}

/// The attempts whose code was started more than once, in one life of the program or in two.
pub fn started_twice(passed: &Path) -> Vec<String> {
    let passed = fs::read_to_string(passed).expect("the file of the passages");
    let starts = passed
        .lines()
        .filter_map(|line| line.strip_prefix("handler.after_start "));
    let mut once = BTreeSet::new();
    let twice = starts.map(attempt).filter(|start| !once.insert(*start));
    twice
        .map(|(job, attempt)| format!("{job} {attempt}"))
        .collect()
}

/// The numbers of a job and its attempt, as a passage tells of them.
fn attempt(job: &str) -> (i64, i32) {
    (after(job, "id: JobId("), after(job, " attempt: "))
}

fn after<N: FromStr<Err: Debug>>(job: &str, name: &str) -> N {
    let (_, value) = job.split_once(name).expect(name);
    let digits = value.split(|c: char| !c.is_ascii_digit()).next();
    digits.unwrap_or_default().parse().expect(name)
}
