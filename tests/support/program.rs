//! The program itself, as a process of its own that can be killed.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
};

use super::database::TestDatabase;

const BINARY: &str = env!("CARGO_BIN_EXE_cadastro");

/// `cadastro serve`, ready to answer. Killed when dropped.
pub struct Program {
    /// Of the address it listens on; without a slash at the end.
    pub url: String,
    child: Child,
    _stdout: BufReader<ChildStdout>,
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

    fn ready(command: Command) -> Self {
        Self::try_ready(command)
            .unwrap_or_else(|said| panic!("the program did not become ready: {said}"))
    }

    fn try_ready(mut command: Command) -> Result<Self, String> {
        let mut child = command.spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("the program speaks");
        let address = line
            .trim_end()
            .strip_suffix(')')
            .and_then(|line| line.rsplit(' ').next());
        let Some(address) = address else {
            let mut said = String::new();
            let stderr = child.stderr.take().expect("a piped stderr");
            BufReader::new(stderr)
                .read_to_string(&mut said)
                .expect("text");
            child.wait().expect("the program ends");
            return Err(format!("{line}{said}"));
        };
        Ok(Program {
            url: format!("http://{address}"),
            child,
            _stdout: stdout,
        })
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
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("a piped stderr");
        stderr.read_to_string(&mut said).expect("text");
        said
    }

    /// Sends it a signal: `STOP` holds it as it stands, `CONT` lets it go on.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(told.expect("kill runs").success(), "it can be signalled");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(program: &str, database: &TestDatabase, settings: &[(&str, &str)]) -> Command {
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
