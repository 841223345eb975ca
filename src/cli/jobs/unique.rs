//! Which jobs `cadastro jobs enqueue` keeps others out for.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, builder::PossibleValuesParser};

use super::arguments::{a_state, filter};
use crate::queue::{State, States, Unique, Wins};

pub(super) fn arguments() -> [Arg; 5] {
    let of = |arg: Arg| arg.requires("unique-by");
    [
        filter(
            "unique-key",
            "KEY",
            "Only if no other job of its kind holds this key; else tell of that one",
        )
        .value_parser(clap::builder::NonEmptyStringValueParser::new()),
        Arg::new("unique")
            .long("unique")
            .action(ArgAction::SetTrue)
            .conflicts_with("unique-key")
            .help("Likewise, where the key is its arguments"),
        of(filter(
            "unique-while",
            "STATES",
            "It holds the key in these states, besides those in which it waits; otherwise until it has ended",
        )
        .value_delimiter(',')
        .value_parser(a_state())),
        of(filter("unique-per", "DURATION", "One in each such period, as 1h: those of UTC")
            .value_parser(humantime::parse_duration)),
        of(filter(
            "wins",
            "WHICH",
            "What becomes of the other while it waits: it is kept, or takes over all or the time of the new one",
        )
        .value_parser(PossibleValuesParser::new(["keep", "replace", "reschedule"]))),
    ]
}

pub(super) fn read(matches: &ArgMatches) -> Option<Unique> {
    let mut unique = match matches.get_one::<String>("unique-key") {
        Some(key) => Unique::by_key(key),
        None if matches.get_flag("unique") => Unique::by_args(),
        None => return None,
    };
    if let Some(states) = matches.get_many::<State>("unique-while") {
        let states: Vec<State> = states.copied().collect();
        unique = unique.while_in(States::of(&states));
    }
    if let Some(period) = matches.get_one::<Duration>("unique-per") {
        unique = unique.per(*period);
    }
    Some(unique.wins(
        match matches.get_one::<String>("wins").map(String::as_str) {
            Some("replace") => Wins::Replace,
            Some("reschedule") => Wins::Reschedule,
            _ => Wins::Keep,
        },
    ))
}
