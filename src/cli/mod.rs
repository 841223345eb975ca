//! The door for people with a terminal: the command line to a [`Command`] and a [`Config`].
//!
//! A subcommand is a file: its arguments, how they are read, what it does.

mod bench;
mod check;
mod cron;
mod failure;
mod jobs;
mod migrate;
mod open;
mod output;
mod queues;
mod serve;
mod settings;
mod users;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches};

pub use self::{
    bench::Bench, check::Check, cron::Cron, failure::Failure, jobs::Jobs, queues::Queues,
    users::Users,
};
use crate::{
    app::{App, Builder},
    config::{Config, ConfigError, LogFormat, Setting, Source},
    telemetry,
};

/// What a person asked for. `cadastro` alone is [`Command::Serve`].
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Apply pending migrations, start the actors, serve the web.
    Serve,
    /// Apply pending migrations.
    Migrate,
    /// Measure the engine.
    Bench(Bench),
    /// Prove the settings.
    Check(Check),
    /// Ask about jobs, or change them.
    Jobs(Jobs),
    /// Ask about queues, make, pause, limit or remove them.
    Queues(Queues),
    /// Ask about entries of the crontab, or change them.
    Cron(Cron),
    /// Ask about accounts, or change them.
    Users(Users),
}

/// A command line together with the environment it was given in.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// With which settings.
    pub config: Config,
}

/// Why a process ends before its work begins.
#[derive(Debug, thiserror::Error)]
pub enum Ending {
    /// Help or the version was asked for, or the command line is wrong.
    #[error(transparent)]
    Told(#[from] clap::Error),
    /// A setting has a value that cannot be used.
    #[error(transparent)]
    Setting(#[from] ConfigError),
}

impl Ending {
    /// 0 after help, 2 for a wrong command line, 1 for a wrong environment.
    pub fn code(&self) -> u8 {
        match self {
            Ending::Told(told) => u8::try_from(told.exit_code()).unwrap_or(2),
            Ending::Setting(error) if error.given_by() == Source::Flag => 2,
            Ending::Setting(_) => 1,
        }
    }

    /// Tells the person, and the process that called us.
    pub fn tell(&self) -> ExitCode {
        // Whoever closed our output does not want to know.
        let _ = match self {
            Ending::Told(told) => told.print(),
            Ending::Setting(error) => writeln!(io::stderr(), "cadastro: {error}"),
        };
        ExitCode::from(self.code())
    }
}

/// Does what the command line of this process asks for, and tells how it went.
///
/// `add` gives cadastro what a program that embeds it has of its own: all commands know of it.
pub fn run(add: impl FnOnce(Builder) -> Builder) -> ExitCode {
    match read(env::args_os(), |name| env::var_os(name)) {
        Ok(Invocation { command, config }) => match obey(command, add(App::builder(config))) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.tell(),
        },
        Err(ending) => ending.tell(),
    }
}

fn obey(command: Command, app: Builder) -> Result<(), Failure> {
    let config = app.config();
    telemetry::start(config.log_format == LogFormat::Json, &config.log_level)?;
    let out = &mut io::stdout();
    // Two of them need the actors; all others only ask the database.
    let command = match command {
        Command::Serve => return serve::run(app),
        Command::Bench(bench) => return bench.run(app, out),
        other => other,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Serve | Command::Bench(_) => Ok(()),
            Command::Migrate => migrate::run(&app, out).await,
            Command::Check(check) => check.run(&app, out).await,
            Command::Jobs(jobs) => jobs.run(&app, out).await,
            Command::Queues(queues) => queues.run(&app, out).await,
            Command::Cron(cron) => cron.run(&app, out).await,
            Command::Users(users) => users.run(&app, out).await,
        }
    })
}

/// Reads a command line, the program's own name first, and the settings that `environment` adds to it.
pub fn read(
    line: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, Ending> {
    let matches = arguments().try_get_matches_from(line)?;
    let command = match matches.subcommand() {
        Some(("migrate", _)) => Command::Migrate,
        Some(("bench", matches)) => Command::Bench(bench::read(matches)),
        Some(("check", matches)) => Command::Check(check::read(matches)),
        Some(("jobs", matches)) => Command::Jobs(jobs::read(matches)),
        Some(("queues", matches)) => Command::Queues(queues::read(matches)),
        Some(("cron", matches)) => Command::Cron(cron::read(matches)),
        Some(("users", matches)) => Command::Users(users::read(matches)),
        _ => Command::Serve,
    };
    let given = settings::lookup(innermost(&matches), environment);
    let given = |setting: &Setting| match given(setting) {
        None if command != Command::Serve => settings::of_a_command(setting),
        found => found,
    };
    let config = Config::read(given)?;
    settings::prove(&config, given)?;
    Ok(Invocation { command, config })
}

/// A setting may stand before or after the subcommand; clap hands all of them down to the last one.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((_, matches)) => innermost(matches),
        None => matches,
    }
}

fn arguments() -> clap::Command {
    clap::Command::new("cadastro")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Sign-up with delayed jobs in one binary: accounts, letters and tasks that survive a power cut")
        .long_about(LONG_ABOUT)
        .after_help(EXAMPLES)
        .after_long_help(format!("{EXAMPLES}\n\n{}", settings::environment_alone()))
        .max_term_width(100)
        .disable_help_subcommand(true)
        .subcommand(serve::arguments())
        .subcommand(migrate::arguments())
        .subcommand(check::arguments())
        .subcommand(jobs::arguments())
        .subcommand(queues::arguments())
        .subcommand(cron::arguments())
        .subcommand(users::arguments())
        .subcommand(bench::arguments())
        .args(settings::arguments())
}

/// The subcommand of a command that insists on one.
fn subcommand(matches: &ArgMatches) -> (&str, &ArgMatches) {
    matches.subcommand().expect("clap insists on a subcommand")
}

/// The value of an argument that is required or has a default.
fn required<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> T {
    matches
        .get_one::<T>(name)
        .expect("clap insists on it")
        .clone()
}

fn json_flag() -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Answer in JSON, for programs")
}

fn json(matches: &ArgMatches) -> bool {
    matches.get_flag("json")
}

const LONG_ABOUT: &str = "\
Sign-up with delayed jobs in one binary: accounts, letters and tasks that survive a power cut.

Without any setting it serves http://127.0.0.1:8080, keeps everything in the file cadastro.db and shows the letters \
it would send at /dev/mailbox. A flag beats its environment variable, and that beats the default. \
Durations are written 250ms, 10s, 5m.";

const EXAMPLES: &str = "\
Examples:
  cadastro                                         try it here: http://127.0.0.1:8080/signup
  cadastro --listen 0.0.0.0:80 --base-url https://example.org --smtp-url smtp://mail.example.org:25
  DATABASE_URL=postgres://ana@db.example.org/cadastro cadastro check
  cadastro jobs list --state discarded             what was given up; `jobs show` says why
  cadastro users create-operator ana ana@example.org";

#[cfg(test)]
mod tests;
