//! What a test of a crash plays on: a database, a mail server, and three people who sign up and do not give up.

use std::{
    path::PathBuf,
    process::{Command, ExitStatus},
    time::Duration,
};

use cadastro::{
    queue::{EMAIL, TASK},
    store::{Store, StoreError},
};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::{
    people::{Person, in_state},
    support::{
        database::TestDatabase,
        program::{BINARY, Program, watch},
        raw::Raw,
        smtp::SmtpServer,
    },
    witness,
};

/// How long a test waits for an answer before it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

const TOKEN: &str = "an-operator-token-for-tests-only-0";

/// All that outlives the program.
pub struct Stage {
    pub database: TestDatabase,
    pub store: Store,
    pub post: SmtpServer,
    pub people: Vec<Person>,
    folder: TempDir,
}

/// Asks a store of the test's own until it has an answer: with eight programs beside it the machine may be
/// too busy for one in time.
pub async fn answered<T, F>(ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    let answered = timeout(PATIENCE, async {
        loop {
            match ask().await {
                Err(StoreError::Away(_)) => {}
                answer => return answer.expect("an answer"),
            }
        }
    });
    answered.await.expect("an answer in time")
}

impl Stage {
    /// A migrated database with a witness in it, on which no queue runs yet.
    pub async fn on(database: TestDatabase) -> Self {
        let store = database.store();
        store.migrate().await.expect("it can be migrated");
        let people = ["ana", "maria", "pedro"].map(Person::called);
        let stage = Stage {
            store,
            post: SmtpServer::start().await,
            people: people.into(),
            folder: tempfile::tempdir().expect("a folder"),
            database,
        };
        witness::install(&mut stage.raw().await).await;
        for queue in [EMAIL, TASK] {
            stage.pause(queue).await;
        }
        stage
    }

    /// Starts the program on it, with these settings beside the usual ones.
    pub fn start(&self, more: &[(&str, &str)]) -> Program {
        let usual = self.usual();
        Program::start(&self.database, &with(&usual, more))
    }

    /// Starts it where it is expected to die, perhaps before it is ready.
    pub async fn start_in_vain(&self, more: &[(&str, &str)]) -> ExitStatus {
        let usual = self.usual();
        Program::begun(&self.database, &with(&usual, more))
            .ended()
            .await
            .0
    }

    /// Quick jobs; and letters one after the other, so that at no point a second one is under way.
    fn usual(&self) -> [(&'static str, String); 9] {
        let passed = self.passed().display().to_string();
        [
            ("SMTP_URL", self.post.url()),
            ("FAIL_POINTS_PASSED", passed),
            ("CADASTRO_OPERATOR_TOKEN", TOKEN.to_owned()),
            // Nobody can be found silent while a test lasts: what is taken up did not wait for that.
            ("CADASTRO_LEASE", "1h".to_owned()),
            ("CADASTRO_WELCOME_DELAY", "0s".to_owned()),
            ("CADASTRO_SIMPLE_TASK", "0s".to_owned()),
            ("CADASTRO_PARAMETER_TASK", "0s".to_owned()),
            ("CADASTRO_EMAIL_ACTORS", "1".to_owned()),
            ("CADASTRO_TASK_ACTORS", "2".to_owned()),
        ]
    }

    /// Says something to the command line, which obeys.
    pub fn say(&self, line: &str) {
        let mut command = Command::new(BINARY);
        command
            .args(line.split(' '))
            .env("DATABASE_URL", self.database.url());
        let said = command.output().expect("the program starts");
        assert!(said.status.success(), "{said:?}");
    }

    /// The file in which every passage of a fail point leaves a line.
    pub fn passed(&self) -> PathBuf {
        self.folder.path().join("passed")
    }

    pub async fn raw(&self) -> Raw {
        Raw::open(self.database.url()).await
    }

    /// The one column of the one row that answers a question.
    pub async fn count(&self, what: &str) -> i64 {
        let sql = format!("SELECT CAST({what} AS TEXT) AS line");
        let lines = self.raw().await.lines(&sql).await;
        lines[0].parse().expect("a number")
    }

    pub async fn pause(&self, queue: &str) {
        let (why, now) = ("the scene is being set", Timestamp::now());
        answered(|| self.store.pause_queue(queue, why, now)).await;
    }

    /// Lets a queue run, before the program starts.
    pub async fn resume(&self, queue: &str) {
        answered(|| self.store.resume_queue(queue)).await;
    }

    pub async fn resume_all(&self) {
        for queue in [EMAIL, TASK] {
            self.resume(queue).await;
        }
    }

    /// Everybody signs up, at once, as often as it takes or until the program is gone.
    pub async fn sign_up(&mut self, program: &Program) {
        join_all(self.people.iter_mut().map(|person| person.sign_up(program))).await;
    }

    pub fn receipts(&self) -> Vec<&str> {
        let receipts = self.people.iter().filter_map(|p| p.receipt.as_deref());
        receipts.collect()
    }

    /// Waits until everybody has seen all three of their jobs completed.
    pub async fn all_done(&self, program: &Program) {
        for receipt in self.receipts() {
            watch(program, receipt, in_state("completed", 3)).await;
        }
    }
}

fn with<'a>(
    usual: &'a [(&'static str, String)],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let usual = usual.iter().map(|(name, value)| (*name, value.as_str()));
    usual.chain(more.iter().copied()).collect()
}

/// Asks the program about something as an operator does.
pub async fn get(program: &Program, path: &str) -> Value {
    let request = reqwest::Client::new().get(format!("{}/api/v1/{path}", program.url));
    let answer = request.bearer_auth(TOKEN).send().await;
    let answer = answer.expect("the program answers");
    assert!(answer.status().is_success(), "{answer:?}");
    answer.json().await.expect("JSON")
}

/// Asks the program for something as an operator does; `None` if it died before it had answered.
pub async fn post(program: &Program, path: &str, body: &Value) -> Option<Value> {
    let request = reqwest::Client::new().post(format!("{}/api/v1/{path}", program.url));
    let answer = request.bearer_auth(TOKEN).json(body).send().await.ok()?;
    assert!(answer.status().is_success(), "{answer:?}");
    answer.json().await.ok()
}
