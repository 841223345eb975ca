//! The arguments of `cadastro bench`.

use std::time::Duration;

use clap::{Arg, ArgMatches, Command, builder::TypedValueParser, value_parser};

use super::Bench;
use crate::cli::{required, subcommand};

pub(in crate::cli) fn arguments() -> Command {
    Command::new("bench")
        .about("Measure the engine on this machine, on a database that may be thrown away")
        .long_about(
            "Measures the real engine with the settings as they are, and prints a line of JSON for each figure: its \
             name, its unit and its value. It needs a database without users, brings it up to date, and leaves there \
             what it has made.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(EXAMPLES)
        .subcommand(
            Command::new("jobs")
                .about("Enqueue jobs that do nothing, then do them all")
                .arg(count("Enqueue so many"))
                .arg(
                    Arg::new("batch")
                        .long("batch")
                        .value_name("COUNT")
                        .help("So many of them in one transaction")
                        .value_parser(number())
                        .default_value("1000"),
                ),
        )
        .subcommand(
            Command::new("timers")
                .about("Enqueue jobs that are due at random instants, and see how late they start")
                .arg(count("Enqueue so many"))
                .arg(
                    Arg::new("within")
                        .long("within")
                        .value_name("DURATION")
                        .help("All of them are due within this time")
                        .value_parser(humantime::parse_duration)
                        .default_value("10s"),
                ),
        )
        .subcommand(
            Command::new("signups")
                .about("Sign people up through the Registrar, without the web")
                .arg(count("Sign up so many"))
                .arg(
                    Arg::new("clients")
                        .long("clients")
                        .value_name("COUNT")
                        .help("So many of them at once")
                        .value_parser(number())
                        .default_value("16"),
                ),
        )
}

pub(in crate::cli) fn read(matches: &ArgMatches) -> Bench {
    match subcommand(matches) {
        ("jobs", matches) => Bench::Jobs {
            count: required(matches, "count"),
            batch: required(matches, "batch"),
        },
        ("timers", matches) => Bench::Timers {
            count: required(matches, "count"),
            within: required::<Duration>(matches, "within"),
        },
        (_, matches) => Bench::Signups {
            count: required(matches, "count"),
            clients: required(matches, "clients"),
        },
    }
}

fn count(help: &'static str) -> Arg {
    Arg::new("count")
        .long("count")
        .value_name("COUNT")
        .required(true)
        .help(help)
        .value_parser(number())
}

/// At least one, and few enough for a figure of each to be kept in memory.
fn number() -> impl TypedValueParser<Value = usize> {
    value_parser!(u32)
        .range(1..=100_000_000)
        .map(|number| number as usize)
}

const EXAMPLES: &str = "\
Examples:
  cadastro bench jobs --count 100000 --database-url sqlite:///tmp/bench.db
  cadastro bench timers --count 10000 --within 10s --database-url postgres://ana@localhost/bench";
