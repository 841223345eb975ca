//! Databases to measure on: each run on a fresh one, filled where a figure wants it so.

use std::sync::Arc;

use crate::support::{
    database::{PostgresServer, TestDatabase},
    raw::Raw,
};

/// How many rows one statement fills in.
const PORTION: u64 = 100_000;

/// A database, removed with this value.
pub struct Ground {
    pub database: TestDatabase,
    /// For the table.
    pub name: &'static str,
    server: Option<Arc<PostgresServer>>,
}

/// What fills a table of jobs.
#[derive(Clone, Copy)]
pub enum Rows {
    /// Due far from now, one after the other.
    Waiting,
    /// Completed within the last hour, so that none of them is old enough to be pruned.
    Finished,
}

/// Where grounds come from: a folder, and one server for all.
#[derive(Clone)]
pub struct Grounds(Arc<PostgresServer>);

impl Grounds {
    /// Starts the server, which waits for the disk as any other.
    pub fn new() -> Self {
        Grounds(Arc::new(PostgresServer::durable()))
    }

    /// A fresh one of each.
    pub fn both(&self) -> [Ground; 2] {
        [self.sqlite(), self.postgres()]
    }

    pub fn sqlite(&self) -> Ground {
        Ground {
            database: TestDatabase::sqlite(),
            name: "SQLite",
            server: None,
        }
    }

    pub fn postgres(&self) -> Ground {
        Ground {
            database: TestDatabase::on(&self.0),
            name: "PostgreSQL",
            server: Some(self.0.clone()),
        }
    }
}

impl Ground {
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// Fills in jobs past the program, as it would take minutes to enqueue and do them all.
    pub async fn fill(&self, rows: Rows, count: u64) {
        let mut raw = Raw::open(self.url()).await;
        let mut filled = 0;
        while filled < count {
            let some = PORTION.min(count - filled);
            raw.run(&self.insert(rows, some)).await;
            filled += some;
            eprint!("\r    {}: {filled} of {count} rows filled in", self.name);
        }
        eprintln!();
        // What a server does by itself after a while.
        let tidy = match self.server {
            Some(_) => "VACUUM ANALYZE jobs",
            None => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        raw.run(tidy).await;
    }

    fn insert(&self, rows: Rows, count: u64) -> String {
        let now = jiff::Timestamp::now().as_microsecond();
        let numbers = match self.server {
            Some(_) => format!("n (i) AS (SELECT generate_series(1, {count}))"),
            None => {
                format!(
                    "RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
                )
            }
        };
        let (hour, year) = (3_600_000_000_i64, 31_536_000_000_000_i64);
        let (state, attempt, run_at, started_at, finished_at) = match rows {
            Rows::Waiting => {
                let run_at = format!("{} + i * 1000", now + year);
                ("scheduled", 0, run_at, "NULL".to_owned(), "NULL".to_owned())
            }
            Rows::Finished => {
                let at = format!("{} + i * 1000", now - hour);
                (
                    "completed",
                    1,
                    at.clone(),
                    at.clone(),
                    format!("{at} + 500"),
                )
            }
        };
        format!(
            "WITH {numbers} INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, created_at, \
             run_at, started_at, finished_at) SELECT 'simple_task', 'task', '{state}', 0, '{{}}', {attempt}, 20, {now}, \
             {run_at}, {started_at}, {finished_at} FROM n"
        )
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> usize {
        let mut raw = Raw::open(self.url()).await;
        let count = format!("SELECT CAST(count(*) AS TEXT) AS line FROM {table}");
        let lines = raw.lines(&count).await;
        let number = lines.first().and_then(|line| line.parse().ok());
        number.expect("a number")
    }

    /// Removes everybody, and all jobs but the first so many.
    pub async fn keep_only(&self, jobs: u64) {
        let mut raw = Raw::open(self.url()).await;
        for table in ["signups", "sessions", "letters", "attempts", "users"] {
            raw.run(&format!("DELETE FROM {table}")).await;
        }
        raw.run(&format!("DELETE FROM jobs WHERE id > {jobs}"))
            .await;
        if self.server.is_some() {
            // The server knows that the others are empty, and plans for that.
            raw.run("VACUUM ANALYZE").await;
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.forget(self.database.url());
        }
    }
}
