//! The command line, as people and programs use it: the real binary, its answers and its exit codes.

mod bench;
mod check;
mod cron;
mod forget;
mod jobs;
mod queues;
mod serve;
mod users;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::database::TestDatabase;

/// A terminal in an empty folder, with an empty environment but for what a test sets.
pub struct Terminal {
    folder: TempDir,
    environment: Vec<(String, String)>,
    program: PathBuf,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Terminal {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Terminal {
            folder,
            environment: Vec::new(),
            program: env!("CARGO_BIN_EXE_cadastro").into(),
        }
    }

    /// One whose commands use this database, brought up to date.
    pub fn at(database: &TestDatabase) -> Self {
        let terminal = Terminal::new().with("DATABASE_URL", database.url());
        terminal.say("migrate").done();
        terminal
    }

    /// One in which another program stands for cadastro.
    pub fn of(program: PathBuf) -> Self {
        Terminal {
            program,
            ..Terminal::new()
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs a command whose arguments hold no spaces.
    pub fn say(&self, line: &str) -> Said {
        self.type_into(line, "")
    }

    /// Likewise, with something on its standard input.
    fn type_into(&self, line: &str, input: &str) -> Said {
        let mut command = self.command(line);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A command that does not care for its input may be gone already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("the program ends").into()
    }

    /// Runs a command whose arguments may hold spaces.
    fn say_words(&self, words: &[&str]) -> Said {
        let mut command = self.command("");
        let output = command.args(words).output();
        output.expect("the program starts").into()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(line.split_whitespace());
        command.env_clear().current_dir(self.folder.path());
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.envs(environment);
        command
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Said {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Said {
    /// What it answered, once it has done what it was asked to.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        self.out
    }

    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.done()).expect("one JSON value")
    }

    /// Its one line of regret.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        let line = self.err.strip_prefix("cadastro: ").expect("our name");
        line.trim_end().to_owned()
    }
}

#[test]
fn help_names_every_command_and_every_one_has_help_of_its_own() {
    let terminal = Terminal::new();
    let commands = [
        ("serve", vec![]),
        ("migrate", vec![]),
        ("check", vec![]),
        (
            "jobs",
            vec!["list", "show", "flow", "enqueue", "edit", "retry", "cancel"],
        ),
        (
            "queues",
            vec!["list", "show", "add", "set", "pause", "resume", "remove"],
        ),
        (
            "cron",
            vec!["list", "show", "enable", "disable", "run", "add", "remove"],
        ),
        (
            "users",
            vec!["list", "show", "create-operator", "set-password", "delete"],
        ),
        ("bench", vec!["jobs", "timers", "signups"]),
    ];
    let help = terminal.say("--help").done();
    for (command, subcommands) in commands {
        let is_listed = |help: &str, command: &str| {
            let mut words = help
                .lines()
                .filter_map(|line| line.split_whitespace().next());
            words.any(|word| word == command)
        };
        assert!(is_listed(&help, command), "{command}\n{help}");
        let own = terminal.say(&format!("{command} --help")).done();
        for subcommand in subcommands {
            assert!(is_listed(&own, subcommand), "{command} {subcommand}\n{own}");
            terminal
                .say(&format!("{command} {subcommand} --help"))
                .done();
        }
    }
    assert!(
        terminal
            .say("jobs --help")
            .done()
            .contains("within 5 seconds")
    );
    let version = terminal.say("--version").done();
    assert_eq!(
        version,
        concat!("cadastro ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_wrong_command_line_exits_with_2_and_a_wrong_environment_with_1() {
    let terminal = Terminal::new();
    for line in [
        "sevre",
        "jobs",
        "jobs show x",
        "users delete ana",
        "jobs enqueue nothing",
    ] {
        let said = terminal.say(line);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
    }
    for line in ["jobs list", "serve", "check"] {
        let line = format!("{line} --database-url mysql://ana:hunter2@host/db");
        let refused = terminal.say(&line).refused(2);
        assert!(
            refused.starts_with("--database-url is `mysql://***@host/db`"),
            "{refused}"
        );
    }
    let terminal = Terminal::new().with("CADASTRO_LEASE", "soon");
    let refused = terminal.say("jobs list").refused(1);
    assert!(refused.starts_with("CADASTRO_LEASE is `soon`"), "{refused}");
    let terminal = Terminal::new().with("RUST_LOG", "cadastro=loud");
    assert!(terminal.say("jobs list").refused(1).contains("RUST_LOG"));
}

#[test]
fn what_would_fail_later_is_refused_at_the_start() {
    let wrong = [
        (
            "SMTP_URL",
            "smtp://ana:hunter2@mail?tls=maybe",
            "tls=required",
        ),
        ("SMTP_URL", "smtp://ana:hunter2@mail?tsl=required", "tls"),
        ("SMTP_URL", "smtp://ana:hunter2%ff@mail", "percent-encoded"),
        ("SMTP_URL", "smtp://mail/my%20name", "host name"),
        ("MAIL_FROM", "a..b@example.org", "<no-reply@example.org>"),
        ("MAIL_FROM", "ana@example.org,eva@example.org", "address"),
        ("MAIL_FROM", "josé@example.org", "accents"),
        ("CADASTRO_SIMPLE_TASK", "25h", "0s to 1day"),
        ("CADASTRO_PARAMETER_TASK", "2days", "0s to 1day"),
    ];
    for (variable, value, told) in wrong {
        let name = variable.trim_start_matches("CADASTRO_");
        let flag = format!("--{}", name.to_lowercase().replace('_', "-"));
        for command in ["serve", "check", "jobs list"] {
            let by_flag = Terminal::new().say(&format!("{command} {flag} {value}"));
            let by_variable = Terminal::new().with(variable, value).say(command);
            for (line, name) in [
                (by_flag.refused(2), flag.as_str()),
                (by_variable.refused(1), variable),
            ] {
                assert!(line.starts_with(&format!("{name} is `")), "{line}");
                assert!(line.contains(told), "{line}");
                assert!(!line.contains("hunter2"), "{line}");
            }
        }
    }
}

#[test]
fn migrate_names_what_it_applies_and_then_has_nothing_to_do() {
    for database in TestDatabase::both() {
        let terminal = Terminal::new().with("DATABASE_URL", database.url());
        let applied = terminal.say("migrate").done();
        assert!(applied.contains("_create_jobs\n"), "{database}: {applied}");
        assert_eq!(terminal.say("migrate").done(), "nothing to do\n");
    }
}

#[test]
fn a_file_that_does_not_exist_is_told_and_not_made() {
    let terminal = Terminal::new();
    for line in ["jobs list", "queues list", "users list", "jobs retry 1"] {
        let refused = terminal.say(line).refused(1);
        assert!(refused.starts_with("there is no cadastro.db"), "{refused}");
        assert!(refused.contains("cadastro migrate"), "{refused}");
    }
    let left = std::fs::read_dir(terminal.folder()).expect("the folder");
    assert_eq!(left.count(), 0);
}

#[test]
fn a_database_that_was_never_migrated_is_told_so() {
    let database = TestDatabase::postgres();
    let terminal = Terminal::new().with("DATABASE_URL", database.url());
    let refused = terminal.say("users list").refused(1);
    assert!(refused.contains("run `cadastro migrate`"), "{refused}");
}

#[test]
fn a_database_that_does_not_answer_is_one_line_without_its_password() {
    let database = "postgres://ana:hunter2@127.0.0.1:1/cadastro";
    let terminal = Terminal::new().with("DATABASE_URL", database);
    for line in ["jobs list", "migrate", "queues pause email"] {
        let refused = terminal.say(line).refused(1);
        assert!(refused.contains("Connection refused"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

#[test]
fn no_secret_is_shown_however_much_is_logged() {
    let terminal = Terminal::new()
        .with(
            "DATABASE_URL",
            "postgres://ana:hunter2@127.0.0.1:1/cadastro",
        )
        .with("SMTP_URL", "smtp://ana:hunter2@127.0.0.1:1")
        .with("CADASTRO_OPERATOR_TOKEN", &"hunter2x".repeat(5))
        .with("RUST_LOG", "trace");
    for line in [
        "check",
        "migrate",
        "users list",
        "serve --listen 127.0.0.1:0",
    ] {
        let said = terminal.say(line);
        assert_eq!(said.code, Some(1), "{said:?}");
        let all = said.out + &said.err;
        assert!(!all.contains("hunter2"), "{line}: {all}");
    }
}

#[test]
fn whoever_stops_reading_is_no_error() {
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database);
    for line in ["jobs list", "users list --json", "check", "--help"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = terminal.command(line);
        let output = command.stdout(writer).output().expect("the program ends");
        let said = Said::from(output);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{line}");
    }
}
