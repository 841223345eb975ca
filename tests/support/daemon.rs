//! A server of somebody else's that lives no longer than this test process, however that ends.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

/// Long enough for any server on a busy machine; nobody waits so long for one that is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// The keeper runs the server and obeys the words `stop` and `start` on its standard input. Once that ends, which the
/// kernel sees to even if this process is killed, it ends the server and removes the folder.
const KEEPER: &str = r#"
exec 2>&1
signal=$1 folder=$2
shift 2
run() { setsid "$@" & server=$!; }
run "$@"
while read -r word; do
    case $word in
    stop) kill -s INT "$server"; wait "$server"; server=; echo 'keeper: stopped' ;;
    start) run "$@" ;;
    esac
done
# Nobody listens any more; a word about a killed child would end the keeper.
exec > /dev/null 2>&1
[ -z "$server" ] || { kill -s "$signal" -- "-$server"; wait "$server"; }
# Those of its group that are still dying may write once more.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$folder" 2> /dev/null && break
    sleep 0.2
done
"#;

/// A running server.
pub struct Daemon {
    keeper: Child,
    words: Option<ChildStdin>,
    lines: Receiver<String>,
    ready: &'static str,
}

/// What to run, and how to see that it runs.
pub struct Program {
    /// Path and arguments.
    pub line: Vec<String>,
    /// A folder of its own; removed at the end. The server's home, temporary and working folder.
    pub folder: PathBuf,
    /// Whom it runs as: user and group. `None`: as ourselves.
    pub user: Option<(u32, u32)>,
    /// The signal that ends it, and all of its process group, at once.
    pub end: &'static str,
    /// Part of the line that it prints once it serves.
    pub ready: &'static str,
    /// Part of a line that it prints if it cannot serve. Later lines may hold it with impunity: clients come and go.
    pub fatal: &'static str,
}

impl Daemon {
    /// Starts it and returns with the line that said so. An error holds all that it printed.
    pub fn start(program: Program) -> Result<(Daemon, String), String> {
        let mut command = Command::new("sh");
        command
            .args(["-c", KEEPER, "keeper", program.end])
            .arg(&program.folder)
            .args(&program.line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Out of the terminal's group, or Ctrl-C would end the keeper before it has tidied up.
            .process_group(0);
        command
            .current_dir(&program.folder)
            .env("HOME", &program.folder)
            .env("TMPDIR", &program.folder);
        if let Some((user, group)) = program.user {
            command.uid(user).gid(group);
        }
        let mut keeper = command.spawn().map_err(|error| format!("sh: {error}"))?;
        let words = keeper.stdin.take();
        let output = keeper.stdout.take().expect("it is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let ready = program.ready;
        let daemon = Daemon {
            keeper,
            words,
            lines,
            ready,
        };
        let line = daemon.await_line(ready, Some(program.fatal))?;
        Ok((daemon, line))
    }

    /// Stops the server and returns once it is gone. Its folder stays.
    pub fn stop(&mut self) -> Result<(), String> {
        self.say("stop")?;
        self.await_line("keeper: stopped", None).map(drop)
    }

    /// Starts it again after [`Daemon::stop`].
    pub fn start_again(&mut self) -> Result<(), String> {
        self.say("start")?;
        self.await_line(self.ready, None).map(drop)
    }

    fn say(&mut self, word: &str) -> Result<(), String> {
        let words = self.words.as_mut().expect("they end with the daemon");
        writeln!(words, "{word}").map_err(|error| error.to_string())
    }

    fn await_line(&self, part: &str, fatal: Option<&str>) -> Result<String, String> {
        let until = Instant::now() + PATIENCE;
        let mut printed = String::new();
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains(part) => return Ok(line),
                Ok(line) => {
                    let _ = writeln!(printed, "{line}");
                    if fatal.is_some_and(|fatal| line.contains(fatal)) {
                        return Err(printed);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("no `{part}` in:\n{printed}"));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(printed),
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.words.take());
        let _ = self.keeper.wait();
    }
}
