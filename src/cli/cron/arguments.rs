//! The arguments of `cadastro cron`.

use clap::{Arg, ArgMatches, Command};
use serde_json::Value;

use super::{Ask, Cron};
use crate::{
    cli::{json, json_flag, required, subcommand},
    queue::{self, Fold, Gap, Missed, NewEntry},
};

pub(in crate::cli) fn arguments() -> Command {
    Command::new("cron")
        .about("List, show, enable, disable, run, add and remove entries of the crontab")
        .long_about(
            "Lists, shows, enables, disables, runs, adds and removes entries of the crontab, in the database itself: \
             no server need run. One that does finds what has changed within 5 seconds.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(EXAMPLES)
        .subcommand(
            Command::new("list")
                .about("List the entries, and when they are due")
                .arg(json_flag()),
        )
        .subcommand(
            about_one("show").about("Show one entry with the next ten instants, in its zone and in UTC"),
        )
        .subcommand(
            about_one("enable").about("Let an entry fire from now on; what it missed meanwhile never does"),
        )
        .subcommand(about_one("disable").about("Let an entry fire no more"))
        .subcommand(
            about_one("run").about("Enqueue a job of an entry now, whether it is enabled or not"),
        )
        .subcommand(about_one("remove").about("Remove an entry that was added by an operator"))
        .subcommand(
            Command::new("add")
                .about("Add an entry for any kind of job")
                .arg(name())
                .arg(
                    Arg::new("schedule")
                        .value_name("SCHEDULE")
                        .required(true)
                        .help("Minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly"),
                )
                .arg(
                    Arg::new("kind")
                        .value_name("KIND")
                        .required(true)
                        .help("What is to be done, such as simple_task"),
                )
                .arg(
                    Arg::new("args")
                        .value_name("ARGS")
                        .default_value("{}")
                        .help("The arguments of each job as JSON")
                        .value_parser(|text: &str| serde_json::from_str::<Value>(text)),
                )
                .arg(
                    word("zone", "ZONE", queue::Cron::at("").zone.to_owned())
                        .help("Whose clock is meant, such as America/Sao_Paulo"),
                )
                .arg(
                    word("missed", "WORD", queue::Cron::at("").missed.to_string())
                        .help("What becomes of instants at which nothing ran: skip, once, or all:N for the newest N")
                        .value_parser(|word: &str| word.parse::<Missed>()),
                )
                .arg(
                    word("gap", "WORD", queue::Cron::at("").gap.to_string())
                        .help("What becomes of a time of day that summer time leaves out: after (it comes right after) or skip")
                        .value_parser(|word: &str| word.parse::<Gap>()),
                )
                .arg(
                    word("fold", "WORD", queue::Cron::at("").fold.to_string())
                        .help("How often a time of day comes that the end of summer time repeats: once or twice")
                        .value_parser(|word: &str| word.parse::<Fold>()),
                )
                .arg(json_flag()),
        )
}

pub(in crate::cli) fn read(matches: &ArgMatches) -> Cron {
    let (command, matches) = subcommand(matches);
    let ask = match command {
        "list" => Ask::List,
        "show" => Ask::Show(required(matches, "name")),
        "enable" => Ask::Enable(required(matches, "name")),
        "disable" => Ask::Disable(required(matches, "name")),
        "run" => Ask::Run(required(matches, "name")),
        "remove" => Ask::Remove(required(matches, "name")),
        "add" => Ask::Add(NewEntry {
            name: required(matches, "name"),
            kind: required(matches, "kind"),
            args: required::<Value>(matches, "args").to_string(),
            schedule: required(matches, "schedule"),
            zone: required(matches, "zone"),
            missed: required(matches, "missed"),
            gap: required(matches, "gap"),
            fold: required(matches, "fold"),
        }),
        other => unreachable!("clap lets `cron {other}` not through"),
    };
    Cron {
        ask,
        json: json(matches),
    }
}

fn about_one(command: &'static str) -> Command {
    Command::new(command).arg(name()).arg(json_flag())
}

fn name() -> Arg {
    Arg::new("name")
        .value_name("NAME")
        .required(true)
        .help("The name of the entry")
}

fn word(name: &'static str, value_name: &'static str, usual: String) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value_name)
        .default_value(usual)
}

const EXAMPLES: &str = "\
Examples:
  cadastro cron list
  cadastro cron add monday-report '30 3 * * MON' simple_task --zone America/Sao_Paulo
  cadastro cron show monday-report
  cadastro cron disable monday-report";
