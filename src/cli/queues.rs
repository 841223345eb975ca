//! `cadastro queues`: how much waits where, and the brake.

use clap::{
    Arg, ArgMatches, Command,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::{json, json_flag, required, subcommand};
use crate::queue::{EMAIL, TASK};

/// What to do with queues.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Queues {
    /// Tell of all.
    List {
        /// For programs.
        json: bool,
    },
    /// Start none of its jobs, in any instance, until it is resumed.
    Pause {
        /// Which.
        queue: String,
        /// For programs.
        json: bool,
    },
    /// Start its jobs again.
    Resume {
        /// Which.
        queue: String,
        /// For programs.
        json: bool,
    },
}

pub(super) fn arguments() -> Command {
    Command::new("queues")
        .about("List, pause and resume queues")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help("Examples:\n  cadastro queues list\n  cadastro queues pause email")
        .subcommand(
            Command::new("list")
                .about("List the queues: how much waits, what is paused")
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("pause")
                .about("Start no more jobs of a queue; running ones end")
                .arg(queue())
                .arg(json_flag()),
        )
        .subcommand(
            Command::new("resume")
                .about("Start the jobs of a queue again")
                .arg(queue())
                .arg(json_flag()),
        )
}

pub(super) fn read(matches: &ArgMatches) -> Queues {
    let (name, matches) = subcommand(matches);
    let json = json(matches);
    match name {
        "list" => Queues::List { json },
        "pause" => Queues::Pause {
            queue: required(matches, "queue"),
            json,
        },
        "resume" => Queues::Resume {
            queue: required(matches, "queue"),
            json,
        },
        other => unreachable!("clap lets `queues {other}` not through"),
    }
}

/// Reads the name of a queue.
pub(super) fn a_queue() -> impl TypedValueParser {
    PossibleValuesParser::new([EMAIL, TASK])
}

fn queue() -> Arg {
    Arg::new("queue")
        .value_name("QUEUE")
        .required(true)
        .help("Which queue")
        .value_parser(a_queue())
}
