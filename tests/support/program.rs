//! The program itself, as a process of its own that can be killed.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::database::TestDatabase;

/// How long a test waits for news before it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// `cadastro serve`, ready to answer. Killed when dropped.
pub struct Program {
    /// Of the address it listens on; without a slash at the end.
    pub url: String,
    child: Child,
    /// Open until its end.
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Program {
    /// Starts it and waits until it says that it is ready.
    pub fn start(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        let mut program = Program::spawn(database, settings);
        let mut line = String::new();
        let stdout = program.stdout.as_mut().expect("it has just begun");
        stdout.read_line(&mut line).expect("the program speaks");
        let address = line
            .trim_end()
            .strip_suffix(')')
            .and_then(|line| line.rsplit(' ').next());
        let Some(address) = address else {
            let stderr = program.stderr.take().expect("it has just begun");
            let said = stderr.join().expect("it was read");
            let said = String::from_utf8_lossy(&said);
            panic!("the program did not become ready: {line}{said}");
        };
        program.url = format!("http://{address}");
        program
    }

    fn spawn(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        let mut child = command(database, settings)
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("a piped stdout");
        let mut stderr = child.stderr.take().expect("a piped stderr");
        // Read as it comes, or a program with much to say would wait for a reader.
        let stderr = thread::spawn(move || {
            let mut said = Vec::new();
            stderr.read_to_end(&mut said).expect("it can be read");
            said
        });
        Program {
            url: String::new(),
            child,
            stdout: Some(BufReader::new(stdout)),
            stderr: Some(stderr),
        }
    }

    /// Starts it where it is expected not to become ready, and says how it ended.
    pub async fn refused(database: &TestDatabase, settings: &[(&str, &str)]) -> Output {
        Program::spawn(database, settings).ended().await
    }

    /// Ends it as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().expect("the program can be killed");
        self.child.wait().expect("the program ends");
    }

    /// Tells it to stop, as a service manager does.
    pub fn tell_to_stop(&self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(told.success(), "the program can be told to stop");
    }

    /// Tells it to stop, and waits.
    pub fn terminate(mut self) -> ExitStatus {
        self.tell_to_stop();
        self.child.wait().expect("the program ends")
    }

    /// Waits until it has ended by itself, and says how.
    pub async fn ended(mut self) -> Output {
        let mut stdout = self.stdout.take().expect("it ends once");
        let closed = tokio::task::spawn_blocking(move || {
            let mut rest = Vec::new();
            stdout.read_to_end(&mut rest).expect("it can be read");
            rest
        });
        let stdout = timeout(PATIENCE, closed).await;
        let stdout = stdout.expect("the program ends").expect("it was read");
        let stderr = self.stderr.take().expect("it ends once");
        Output {
            status: self.child.wait().expect("the program ends"),
            stdout,
            stderr: stderr.join().expect("it was read"),
        }
    }

    /// Signs somebody up over HTTP, and gives the receipt.
    pub async fn sign_up(&self, username: &str) -> String {
        let answer = reqwest::Client::new()
            .post(format!("{}/api/v1/signups", self.url))
            .json(&json!({
                "username": username,
                "email": format!("{username}@example.com"),
                "password": "correct horse battery",
            }))
            .send()
            .await
            .expect("the program answers");
        assert_eq!(answer.status(), 202);
        let answer: Value = answer.json().await.expect("JSON");
        answer["receipt"].as_str().expect("a receipt").to_owned()
    }

    /// Watches a receipt as its page does, until its jobs are as the test wants them.
    pub async fn watch(&self, receipt: &str, enough: impl Fn(&str) -> bool) {
        let url = format!("{}/signup/{receipt}/events", self.url);
        let answer = reqwest::get(url).await.expect("the program answers");
        assert_eq!(answer.status(), 200);
        let mut news = answer.bytes_stream();
        let mut seen = String::new();
        let waited = timeout(PATIENCE, async {
            while !enough(seen.rsplit("event: jobs").next().unwrap_or_default()) {
                let more = news
                    .next()
                    .await
                    .expect("more news")
                    .expect("the stream holds");
                seen.push_str(&String::from_utf8_lossy(&more));
            }
        });
        assert!(
            waited.await.is_ok(),
            "the receipt did not come that far: {seen}"
        );
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(database: &TestDatabase, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cadastro"));
    command
        .env("DATABASE_URL", database.url())
        .env("CADASTRO_LISTEN", "127.0.0.1:0")
        .env("CADASTRO_PASSWORD_HASH", "m=8,t=1,p=1")
        .env("CADASTRO_ALLOW_WEAK_HASH", "1")
        .env("RUST_LOG", "warn")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
