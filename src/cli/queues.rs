//! `cadastro queues`: how much waits where, and the brake.

use std::io::{self, Write};

use clap::{
    Arg, ArgMatches, Command,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::{Failure, json, json_flag, open, output, required, subcommand};
use crate::{
    app::Builder,
    clock::Clock,
    queue::{EMAIL, State, TASK},
    store::Store,
    web::api::queues::{List, Queue, all},
};

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
        .long_about(
            "Lists, pauses and resumes queues, in the database itself: no server need run. \
             One that does finds what has changed within 5 seconds.",
        )
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

impl Queues {
    /// Does it, and answers on `out`.
    pub(super) async fn run(self, app: &Builder, out: &mut dyn Write) -> Result<(), Failure> {
        let store = open::store(app).await?;
        match self {
            Queues::List { json } => {
                let queues: Vec<_> = all(&store).await?.into_values().collect();
                let told = match json {
                    true => output::json(out, &List { queues }),
                    false => table(out, &queues),
                };
                Ok(told?)
            }
            Queues::Pause { queue, json } => {
                let now = Clock::system().now();
                let because = "paused from the command line";
                store.pause_queue(&queue, because, now).await?;
                let done = format!("{queue} is paused: running jobs end, no other begins");
                tell(out, &store, &queue, &done, json).await
            }
            Queues::Resume { queue, json } => {
                store.resume_queue(&queue).await?;
                let done = format!("{queue} runs");
                tell(out, &store, &queue, &done, json).await
            }
        }
    }
}

async fn tell(
    out: &mut dyn Write,
    store: &Store,
    queue: &str,
    done: &str,
    json: bool,
) -> Result<(), Failure> {
    if !json {
        return Ok(writeln!(out, "{done}")?);
    }
    let queue = all(store).await?.remove(queue);
    Ok(output::json(out, &queue)?)
}

fn table(out: &mut dyn Write, queues: &[Queue]) -> io::Result<()> {
    let rows: Vec<_> = queues
        .iter()
        .map(|queue| {
            let count = |state: State| {
                let count = queue.jobs.get(state.word()).copied();
                count.unwrap_or_default().to_string()
            };
            let since = queue.oldest_due_at.as_ref();
            let since = since.and_then(|since| since.parse().ok());
            [
                queue.name.clone(),
                count(State::Scheduled),
                count(State::Available),
                count(State::Executing),
                count(State::Retryable),
                count(State::Discarded),
                since.map(output::instant).unwrap_or_default(),
                queue.paused_because.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let head = [
        "QUEUE",
        "SCHEDULED",
        "AVAILABLE",
        "EXECUTING",
        "RETRYABLE",
        "DISCARDED",
        "WAITS SINCE",
        "PAUSED",
    ];
    output::table(out, head, &rows)
}
