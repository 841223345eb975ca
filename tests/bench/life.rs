//! The program itself as a process of its own: how soon it is ready, and what it takes from the machine.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader, Read, Seek, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use procfs::process::Process;

use crate::ground::Ground;

/// The build that is measured: ours, or another one that whoever compares two names.
fn program() -> OsString {
    env::var_os("BENCH_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_cadastro").into())
}

/// A hash that costs nothing, so that all the rest can be seen.
pub const WEAK: [(&str, &str); 2] = [
    ("CADASTRO_PASSWORD_HASH", "m=8,t=1,p=1"),
    ("CADASTRO_ALLOW_WEAK_HASH", "1"),
];

/// `cadastro serve`, ready to answer. Killed when dropped.
pub struct Life {
    /// Address and port on which it listens.
    pub address: String,
    /// From its start until `/readyz` said that it is ready.
    pub took: Duration,
    child: Child,
}

impl Life {
    /// Starts it with the usual settings and these, and waits until it is ready. Nobody is kept from signing up
    /// again and again.
    pub fn start(ground: &Ground, settings: &[(&str, &str)]) -> Self {
        let mut log = tempfile::tempfile().expect("a file for the log");
        let begun = Instant::now();
        let mut child = command(ground, &log)
            .arg("serve")
            .env("CADASTRO_LISTEN", "127.0.0.1:0")
            .env("CADASTRO_RATE_LIMIT", "off")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("the program speaks");
        let address = line.trim_end().strip_suffix(')');
        let Some(address) = address.and_then(|line| line.rsplit(' ').next()) else {
            panic!("the program did not start: {line}{}", text(&mut log));
        };
        let is_ready = status(address, "/readyz") == "200";
        assert!(is_ready, "the program is not ready: {}", text(&mut log));
        Life {
            address: address.to_owned(),
            took: begun.elapsed(),
            child,
        }
    }

    /// What it holds of the machine's memory, in bytes: now, and at its most so far.
    pub fn memory(&self) -> (f64, f64) {
        let status = self.process().status().expect("the kernel tells");
        let bytes = |kib: Option<u64>| kib.expect("a process has memory") as f64 * 1024.0;
        (bytes(status.vmrss), bytes(status.vmhwm))
    }

    /// For how long it has kept a core busy.
    pub fn worked(&self) -> Duration {
        let stat = self.process().stat().expect("the kernel tells");
        let ticks = (stat.utime + stat.stime) as f64;
        Duration::from_secs_f64(ticks / procfs::ticks_per_second() as f64)
    }

    fn process(&self) -> Process {
        Process::new(self.child.id() as i32).expect("it lives")
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command of the program to its end and gives what it printed; an error says how it failed.
pub fn run(ground: &Ground, arguments: &[&str]) -> Result<String, String> {
    let mut log = tempfile::tempfile().expect("a file for the log");
    let output = command(ground, &log)
        .args(arguments)
        .output()
        .expect("the program starts");
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let said = text(&mut log);
            Err(said.lines().next().unwrap_or_default().to_owned())
        }
    }
}

/// With the settings that everybody has, its log in a file. `RUST_LOG` is heeded.
fn command(ground: &Ground, log: &File) -> Command {
    let mut command = Command::new(program());
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("CADASTRO_")) {
        command.env_remove(name);
    }
    command
        .env("DATABASE_URL", ground.url())
        .stdin(Stdio::null())
        .stderr(log.try_clone().expect("another handle of the file"));
    command
}

fn status(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it takes calls");
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    let sent = stream.write_all(request.as_bytes());
    sent.expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.get(9..12).unwrap_or_default().to_owned()
}

fn text(log: &mut File) -> String {
    let mut text = String::new();
    let read = log.rewind().and_then(|()| log.read_to_string(&mut text));
    read.expect("the log can be read");
    text
}
