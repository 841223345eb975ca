//! The arguments of `cadastro jobs`.

use clap::{
    Arg, ArgAction, ArgGroup, ArgMatches, Command,
    builder::{PossibleValuesParser, TypedValueParser},
    value_parser,
};
use jiff::Timestamp;

use super::{Jobs, moves, unique};
use crate::{
    cli::{json, json_flag, queues, required, subcommand},
    queue::{Due, Edit, JobId, LONGEST_KEY, MOST_ATTEMPTS, State, is_limit_key},
    store::{JobFilter, Move},
};

pub(in crate::cli) fn arguments() -> Command {
    Command::new("jobs")
        .about("List, show, enqueue, edit, retry and cancel jobs")
        .long_about(
            "Lists, shows, enqueues, edits, retries and cancels jobs, in the database itself: no server need run. \
             One that does finds what has changed within 5 seconds.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(EXAMPLES)
        .subcommand(
            Command::new("list")
                .about("List jobs, the newest first")
                .args(filters())
                .arg(
                    filter("limit", "COUNT", "So many at most")
                        .value_parser(value_parser!(u16).range(1..=1000))
                        .default_value("50"),
                )
                .arg(
                    filter("cursor", "CURSOR", "Go on where an earlier list ended")
                        .value_parser(a_job()),
                )
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("show")
                .about("Show one job with its arguments, attempts and result")
                .arg(id())
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("flow")
                .about("Show the jobs that wait for each other, one of which this is")
                .arg(id())
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("enqueue")
                .about("Enqueue a job of any kind")
                .arg(
                    Arg::new("kind")
                        .value_name("KIND")
                        .required(true)
                        .help("What is to be done, such as simple_task"),
                )
                .arg(
                    Arg::new("args")
                        .value_name("ARGS")
                        .help("Its arguments as JSON")
                        .value_parser(a_value),
                )
                .args(terms())
                .args(unique::arguments())
                .group(ArgGroup::new("unique-by").args(["unique", "unique-key"]))
                .arg(
                    filter("queue", "QUEUE", "Put it into this queue; otherwise into its kind's")
                        .value_parser(queues::a_queue()),
                )
                .arg(
                    filter("limit-key", "KEY", "Have its queue count it by this key")
                        .value_parser(a_key),
                )
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("edit")
                .about("Change the time, priority, arguments or attempts of a job that waits")
                .arg(id())
                .arg(filter("args", "ARGS", "Its arguments as JSON, in the place of all it had").value_parser(a_value))
                .args(terms())
                .group(
                    ArgGroup::new("what")
                        .args(["args", "in", "at", "priority", "max-attempts"])
                        .multiple(true)
                        .required(true),
                )
                .arg(json_flag()),
        )
        .subcommand(moves::arguments(
            Command::new("retry")
                .about("Try jobs again now, even discarded or cancelled ones")
                .arg(json_flag()),
        ))
        .subcommand(moves::arguments(
            Command::new("cancel")
                .about("Cancel jobs that wait, and ask those that execute to stop")
                .long_about(
                    "Cancels jobs that wait, and asks those that execute to stop. The server that runs one finds that \
                     within 5 seconds, and gives it 5 more to clean up.",
                )
                .arg(json_flag()),
        ))
}

pub(in crate::cli) fn read(matches: &ArgMatches) -> Jobs {
    let (name, matches) = subcommand(matches);
    let json = json(matches);
    match name {
        "list" => Jobs::List {
            filter: read_filter(matches),
            limit: required(matches, "limit"),
            cursor: matches.get_one("cursor").copied(),
            json,
        },
        "show" => Jobs::Show {
            id: required(matches, "id"),
            json,
        },
        "flow" => Jobs::Flow {
            id: required(matches, "id"),
            json,
        },
        "enqueue" => Jobs::Enqueue {
            kind: required(matches, "kind"),
            args: matches.get_one("args").cloned(),
            due: due(matches),
            priority: matches.get_one("priority").copied(),
            max_attempts: matches.get_one("max-attempts").copied(),
            unique: unique::read(matches),
            queue: matches.get_one("queue").cloned(),
            limit_key: matches.get_one("limit-key").cloned(),
            json,
        },
        "edit" => Jobs::Edit {
            id: required(matches, "id"),
            edit: Edit {
                due: due(matches),
                priority: matches.get_one("priority").copied(),
                args: matches.get_one("args").cloned(),
                max_attempts: matches.get_one("max-attempts").copied(),
                place: None,
            },
            json,
        },
        "retry" => Jobs::Move {
            how: Move::Retry,
            which: moves::read(matches),
            json,
        },
        "cancel" => Jobs::Move {
            how: Move::Cancel,
            which: moves::read(matches),
            json,
        },
        other => unreachable!("clap lets `jobs {other}` not through"),
    }
}

fn due(matches: &ArgMatches) -> Option<Due> {
    let after = matches.get_one("in").copied().map(Due::After);
    after.or_else(|| matches.get_one("at").copied().map(Due::At))
}

/// Which jobs are meant.
pub(super) fn filters() -> [Arg; 3] {
    [
        filter("state", "STATE", "Only jobs in this state").value_parser(a_state()),
        filter(
            "kind",
            "KIND",
            "Only jobs of this kind, such as welcome_email",
        ),
        filter("queue", "QUEUE", "Only jobs in this queue").value_parser(queues::a_queue()),
    ]
}

pub(super) fn read_filter(matches: &ArgMatches) -> JobFilter {
    JobFilter {
        state: matches.get_one("state").copied(),
        kind: matches.get_one("kind").cloned(),
        queue: matches.get_one("queue").cloned(),
    }
}

/// On which terms a job is done.
fn terms() -> [Arg; 4] {
    [
        filter("in", "DURATION", "Run it after this time, such as 10s")
            .value_parser(humantime::parse_duration)
            .conflicts_with("at"),
        filter(
            "at",
            "INSTANT",
            "Run it at this time, such as 2026-12-24T18:00:00Z",
        )
        .value_parser(value_parser!(Timestamp)),
        filter(
            "priority",
            "NUMBER",
            "Lower runs first among the jobs that are due; 0 is usual",
        )
        .value_parser(value_parser!(i32))
        .allow_negative_numbers(true),
        filter(
            "max-attempts",
            "COUNT",
            "Discard it after so many attempts; otherwise its kind decides",
        )
        .value_parser(value_parser!(i32).range(1..=i64::from(MOST_ATTEMPTS))),
    ]
}

fn a_value(text: &str) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::from_str(text)
}

pub(super) fn ids_of(matches: &ArgMatches) -> Vec<JobId> {
    matches
        .get_many("id")
        .unwrap_or_default()
        .copied()
        .collect()
}

pub(super) fn filter(name: &'static str, value_name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value_name).help(help)
}

fn id() -> Arg {
    Arg::new("id")
        .value_name("ID")
        .required(true)
        .help("The number of the job, as `jobs list` tells it")
        .value_parser(a_job())
}

fn a_job() -> impl TypedValueParser<Value = JobId> {
    value_parser!(i64).range(1..).map(JobId)
}

fn a_key(text: &str) -> Result<String, String> {
    match is_limit_key(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("give a text of 1 to {LONGEST_KEY} bytes")),
    }
}

pub(super) fn ids() -> Arg {
    id().action(ArgAction::Append)
        .num_args(1..)
        .help("The numbers of the jobs, as `jobs list` tells them")
}

pub(super) fn a_state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::word)).try_map(|word| word.parse::<State>())
}

const EXAMPLES: &str = "\
Examples:
  cadastro jobs list --state discarded --queue email
  cadastro jobs retry 17 18
  cadastro jobs retry --state discarded --kind welcome_email --dry-run
  cadastro jobs edit 17 --at 2026-12-24T18:00:00Z --priority -1
  cadastro jobs enqueue parameter_task '{\"parameter\": \"Ana\"}' --in 5m
  cadastro jobs show 17 --json";
