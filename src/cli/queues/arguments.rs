//! The arguments of `cadastro queues`.

use std::{ops::RangeInclusive, time::Duration};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::TypedValueParser, value_parser};

use super::Queues;
use crate::{
    cli::{json, json_flag, required, subcommand},
    queue::{AT_ONCE, RATE_JOBS, RATE_PERIOD, Rate, SIZES, queue_name},
    store::QueueChange,
};

/// The limits that `set` sets and, with `no-` before them, takes back; and what they say.
const NUMBERS: [(&str, RangeInclusive<u32>, &str); 3] = [
    ("workers", SIZES, "So many actors on each instance"),
    (
        "at-once",
        AT_ONCE,
        "So many jobs execute at once, on all instances together",
    ),
    (
        "at-once-per-key",
        AT_ONCE,
        "Likewise, of the jobs with one limit key",
    ),
];

pub(in crate::cli) fn arguments() -> Command {
    let about = |name, about| Command::new(name).about(about).arg(json_flag());
    Command::new("queues")
        .about("List, add, pause, limit and remove queues")
        .long_about(
            "Lists, adds, pauses, limits and removes queues, in the database itself: no server need run. \
             With PostgreSQL every server that does follows at once, with SQLite within 5 seconds.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(EXAMPLES)
        .subcommand(about("list", "List the queues: how much waits, what is paused"))
        .subcommand(about("show", "Show one queue, its size and its limits").arg(queue()))
        .subcommand(settings(
            about("add", "Add a queue, for jobs that are enqueued into it").arg(queue()),
        ))
        .subcommand(settings(
            about("set", "Change the size and the limits of a queue; what is not named stays")
                .arg(queue()),
        ))
        .subcommand(
            about("pause", "Start no more jobs of a queue; running ones end").arg(queue()),
        )
        .subcommand(about("resume", "Start the jobs of a queue again").arg(queue()))
        .subcommand(
            about("remove", "Remove a queue that no kind names and that holds no unfinished job")
                .arg(queue()),
        )
}

fn settings(command: Command) -> Command {
    let command = NUMBERS
        .into_iter()
        .fold(command, |command, (name, range, help)| {
            let (least, most) = (i64::from(*range.start()), i64::from(*range.end()));
            let number = Arg::new(name).long(name).value_name("COUNT").help(help);
            let number = number.value_parser(value_parser!(u32).range(least..=most));
            command
                .arg(number.conflicts_with(format!("no-{name}")))
                .arg(no(name))
        });
    command
        .arg(
            Arg::new("rate")
                .long("rate")
                .value_name("JOBS/PERIOD")
                .help("So many jobs start in a period, on all instances together, such as 100/1m")
                .value_parser(rate)
                .conflicts_with("no-rate"),
        )
        .arg(no("rate"))
}

fn no(name: &'static str) -> Arg {
    let no = format!("no-{name}");
    Arg::new(no.clone())
        .long(no)
        .action(ArgAction::SetTrue)
        .help(match name {
            "workers" => "As many actors as is usual".to_owned(),
            _ => format!("Without --{name}"),
        })
}

pub(in crate::cli) fn read(matches: &ArgMatches) -> Queues {
    let (name, matches) = subcommand(matches);
    let json = json(matches);
    let queue = || required(matches, "queue");
    match name {
        "list" => Queues::List { json },
        "show" => Queues::Show {
            queue: queue(),
            json,
        },
        "add" | "set" => Queues::Set {
            queue: queue(),
            new: name == "add",
            change: change(matches),
            json,
        },
        "pause" => Queues::Pause {
            queue: queue(),
            json,
        },
        "resume" => Queues::Resume {
            queue: queue(),
            json,
        },
        "remove" => Queues::Remove {
            queue: queue(),
            json,
        },
        other => unreachable!("clap lets `queues {other}` not through"),
    }
}

fn change(matches: &ArgMatches) -> QueueChange {
    fn of<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<Option<T>> {
        match matches.get_flag(&format!("no-{name}")) {
            true => Some(None),
            false => matches.get_one::<T>(name).cloned().map(Some),
        }
    }
    QueueChange {
        workers: of(matches, "workers"),
        at_once: of(matches, "at-once"),
        at_once_per_key: of(matches, "at-once-per-key"),
        rate: of(matches, "rate"),
    }
}

/// Reads the name of a queue.
pub(in crate::cli) fn a_queue() -> impl TypedValueParser<Value = String> {
    |text: &str| queue_name(text).map(str::to_owned)
}

fn queue() -> Arg {
    Arg::new("queue")
        .value_name("QUEUE")
        .required(true)
        .help("Which queue")
        .value_parser(a_queue())
}

/// Reads `100/1m`.
fn rate(text: &str) -> Result<Rate, String> {
    let (jobs, period) = text.split_once('/').ok_or("write it as 100/1m")?;
    let burst = jobs.parse().ok().filter(|jobs| RATE_JOBS.contains(jobs));
    let burst = burst.ok_or_else(|| {
        let (least, most) = RATE_JOBS.into_inner();
        format!("give a number of jobs from {least} to {most}")
    })?;
    let period: Duration = humantime::parse_duration(period).map_err(|error| error.to_string())?;
    if !RATE_PERIOD.contains(&period) {
        return Err("give a period from 1s to 30days".to_owned());
    }
    Ok(Rate { burst, period })
}

const EXAMPLES: &str = "\
Examples:
  cadastro queues list
  cadastro queues add reports --workers 4 --at-once-per-key 1
  cadastro queues set email --rate 100/1m --no-at-once
  cadastro queues pause email";
