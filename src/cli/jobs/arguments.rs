//! The arguments of `cadastro jobs`.

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::{PossibleValuesParser, TypedValueParser},
    value_parser,
};
use jiff::Timestamp;

use super::Jobs;
use crate::{
    cli::{json, json_flag, queues, required, subcommand},
    queue::MOST_ATTEMPTS,
    queue::{Due, JobId, State},
};

pub(in crate::cli) fn arguments() -> Command {
    Command::new("jobs")
        .about("List, show, enqueue, retry and cancel jobs")
        .long_about(
            "Lists, shows, enqueues, retries and cancels jobs, in the database itself: no server need run. \
             One that does finds what has changed within 5 seconds.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(EXAMPLES)
        .subcommand(
            Command::new("list")
                .about("List jobs, the newest first")
                .arg(filter("state", "STATE", "Only jobs in this state").value_parser(a_state()))
                .arg(filter(
                    "kind",
                    "KIND",
                    "Only jobs of this kind, such as welcome_email",
                ))
                .arg(
                    filter("queue", "QUEUE", "Only jobs in this queue")
                        .value_parser(queues::a_queue()),
                )
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
                        .value_parser(|text: &str| serde_json::from_str::<serde_json::Value>(text)),
                )
                .arg(
                    filter("in", "DURATION", "Run it after this time, such as 10s")
                        .value_parser(humantime::parse_duration)
                        .conflicts_with("at"),
                )
                .arg(
                    filter(
                        "at",
                        "INSTANT",
                        "Run it at this time, such as 2026-12-24T18:00:00Z",
                    )
                    .value_parser(value_parser!(Timestamp)),
                )
                .arg(
                    filter(
                        "priority",
                        "NUMBER",
                        "Lower runs first among the jobs that are due; 0 is usual",
                    )
                    .value_parser(value_parser!(i32))
                    .allow_negative_numbers(true),
                )
                .arg(
                    filter(
                        "max-attempts",
                        "COUNT",
                        "Discard it after so many attempts; otherwise its kind decides",
                    )
                    .value_parser(value_parser!(i32).range(1..=i64::from(MOST_ATTEMPTS))),
                )
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("retry")
                .about("Try jobs again now, even discarded or cancelled ones")
                .arg(ids())
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("cancel")
                .about("Cancel jobs that wait, and ask those that execute to stop")
                .long_about(
                    "Cancels jobs that wait, and asks those that execute to stop. The server that runs one finds that \
                     within 5 seconds, and gives it 5 more to clean up.",
                )
                .arg(ids())
                .arg(json_flag()),
        )
}

pub(in crate::cli) fn read(matches: &ArgMatches) -> Jobs {
    let (name, matches) = subcommand(matches);
    let json = json(matches);
    match name {
        "list" => Jobs::List {
            state: matches.get_one("state").copied(),
            kind: matches.get_one("kind").cloned(),
            queue: matches.get_one("queue").cloned(),
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
            json,
        },
        "retry" => Jobs::Retry {
            ids: ids_of(matches),
            json,
        },
        "cancel" => Jobs::Cancel {
            ids: ids_of(matches),
            json,
        },
        other => unreachable!("clap lets `jobs {other}` not through"),
    }
}

fn due(matches: &ArgMatches) -> Option<Due> {
    let after = matches.get_one("in").copied().map(Due::After);
    after.or_else(|| matches.get_one("at").copied().map(Due::At))
}

fn ids_of(matches: &ArgMatches) -> Vec<JobId> {
    matches
        .get_many("id")
        .unwrap_or_default()
        .copied()
        .collect()
}

fn filter(name: &'static str, value_name: &'static str, help: &'static str) -> Arg {
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

fn ids() -> Arg {
    id().action(ArgAction::Append)
        .num_args(1..)
        .help("The numbers of the jobs, as `jobs list` tells them")
}

fn a_state() -> impl TypedValueParser {
    PossibleValuesParser::new(State::ALL.map(State::word)).try_map(|word| word.parse::<State>())
}

const EXAMPLES: &str = "\
Examples:
  cadastro jobs list --state discarded --queue email
  cadastro jobs retry 17 18
  cadastro jobs enqueue parameter_task '{\"parameter\": \"Ana\"}' --in 5m
  cadastro jobs show 17 --json";
