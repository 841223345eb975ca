//! The program itself, as a process of its own that can be killed.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use super::database::TestDatabase;

/// Where it lies.
pub const BINARY: &str = env!("CARGO_BIN_EXE_cadastro");

/// How long a test waits for news before it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// `cadastro serve`, ready to answer. Killed when dropped.
pub struct Program {
    /// Of the address it listens on; without a slash at the end.
    pub url: String,
    child: Child,
    log: Log,
    stdout: BufReader<ChildStdout>,
}

/// What a program writes into its log, a line for each event.
struct Log {
    lines: watch::Receiver<Vec<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts it and waits until it says that it is ready.
    pub fn start(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        Self::ready(command(BINARY, database, settings))
    }

    /// The same, where it may give up: then what it said of the reason.
    #[allow(dead_code, reason = "only the soak starts it where it may fail")]
    pub fn try_start(database: &TestDatabase, settings: &[(&str, &str)]) -> Result<Self, String> {
        Self::try_ready(command(BINARY, database, settings))
    }

    /// The same, where it may have no more than so many files open, connections among them.
    pub fn with_open_files(
        database: &TestDatabase,
        settings: &[(&str, &str)],
        files: usize,
    ) -> Self {
        let mut shell = command("sh", database, settings);
        let files = files.to_string();
        shell.args(["-c", "ulimit -n \"$1\" && exec \"$0\"", BINARY, &files]);
        Self::ready(shell)
    }

    /// Starts it by a command of the test's own, made by [`command`].
    pub fn ready(command: Command) -> Self {
        Self::try_ready(command)
            .unwrap_or_else(|said| panic!("the program did not become ready: {said}"))
    }

    fn try_ready(command: Command) -> Result<Self, String> {
        Self::begin(command).await_ready()
    }

    /// Starts it and does not wait; it has no address yet.
    pub fn begun(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        Self::begin(command(BINARY, database, settings))
    }

    fn begin(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        Program {
            url: String::new(),
            log: Log::of(child.stderr.take().expect("a piped stderr")),
            stdout: BufReader::new(child.stdout.take().expect("a piped stdout")),
            child,
        }
    }

    /// Waits until it says that it is ready; an error holds what it says where it gives up.
    pub fn await_ready(mut self) -> Result<Self, String> {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line);
        read.expect("the program speaks");
        let address = line
            .trim_end()
            .strip_suffix(')')
            .and_then(|line| line.rsplit(' ').next());
        let Some(address) = address else {
            self.child.wait().expect("the program ends");
            return Err(format!("{line}{}", self.log.read_to_end()));
        };
        self.url = format!("http://{address}");
        Ok(self)
    }

    /// Waits until it gives up.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("the program ends");
        (status, self.log.read_to_end())
    }

    /// The same, for no longer than a test is patient.
    pub async fn ended(self) -> (ExitStatus, String) {
        let mut log = self.log.lines.clone();
        let closed = async { while log.changed().await.is_ok() {} };
        let closed = timeout(PATIENCE, closed).await;
        closed.expect("the program ends");
        self.end()
    }

    /// Starts it where it is expected to give up, and says how it did.
    pub fn refused(database: &TestDatabase, settings: &[(&str, &str)]) -> Output {
        let child = command(BINARY, database, settings)
            .spawn()
            .expect("the program starts");
        child.wait_with_output().expect("the program ends")
    }

    /// Ends it as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().expect("the program can be killed");
        self.child.wait().expect("the program ends");
    }

    /// Ends it as a service manager does, and waits.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().expect("the program ends")
    }

    /// Ends it, and gives all that it wrote into its log.
    pub fn log(mut self) -> String {
        self.signal("TERM");
        self.child.wait().expect("the program ends");
        self.log.read_to_end()
    }

    /// What it has logged so far.
    pub fn logged(&self) -> Vec<Value> {
        let lines = self.log.lines.borrow();
        lines.iter().map(|line| parsed(line)).collect()
    }

    /// Waits until it has logged a line that holds these words, and gives the last such line.
    pub async fn logs(&self, words: &str) -> Value {
        self.logs_often(words, 1).await
    }

    /// The same, until there are so many such lines.
    pub async fn logs_often(&self, words: &str, times: usize) -> Value {
        let mut log = self.log.lines.clone();
        let holds = |line: &&String| line.contains(words);
        let enough = |lines: &Vec<String>| lines.iter().filter(holds).count() >= times;
        match timeout(PATIENCE, log.wait_for(enough)).await {
            Ok(Ok(lines)) => parsed(lines.iter().rfind(holds).expect("it was found")),
            _ => panic!("no `{words}` in {:#?}", self.logged()),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `STOP` holds it as it stands, `CONT` lets it go on.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(told.expect("kill runs").success(), "it can be signalled");
    }
}

impl Log {
    /// Reads until the program closes its end.
    fn of(stderr: ChildStderr) -> Self {
        let (write, lines) = watch::channel(Vec::new());
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                write.send_modify(|lines| lines.push(line));
            }
        });
        Log {
            lines,
            reader: Some(reader),
        }
    }

    /// All of it, once the program has ended.
    fn read_to_end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the log is read");
        }
        self.lines.borrow().join("\n")
    }
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What starts `program` with the settings of a test.
pub fn command(program: &str, database: &TestDatabase, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command
        .env("DATABASE_URL", database.url())
        .env("CADASTRO_LISTEN", "127.0.0.1:0")
        .env("CADASTRO_PASSWORD_HASH", "m=8,t=1,p=1")
        .env("CADASTRO_ALLOW_WEAK_HASH", "1")
        .env("CADASTRO_LEASE", "1s")
        .env("RUST_LOG", "warn")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Signs somebody up over HTTP, and gives the receipt.
pub async fn sign_up(program: &Program, username: &str) -> String {
    sign_up_with(program, username, &[]).await
}

/// The same, with these headers.
pub async fn sign_up_with(program: &Program, username: &str, headers: &[(&str, &str)]) -> String {
    let url = format!("{}/api/v1/signups", program.url);
    let request = headers.iter().fold(
        reqwest::Client::new().post(url),
        |request, (name, value)| request.header(*name, *value),
    );
    let answer = request
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
pub async fn watch(program: &Program, receipt: &str, enough: impl Fn(&str) -> bool) {
    let url = format!("{}/signup/{receipt}/events", program.url);
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
