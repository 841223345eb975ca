//! Which jobs a program wants to be the only ones of their kind and key.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    queue::{State, States, Unique, Wins},
    web::error::Argument,
};

/// The long form; without a `key` the arguments are the key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Unique)]
pub struct UniqueJson {
    key: Option<String>,
    /// Those in which a job waits are always among them; left out, all in which it has not ended.
    while_in: Option<Vec<State>>,
    #[schema(minimum = 1)]
    period_seconds: Option<f64>,
    #[serde(default)]
    wins: Wins,
}

/// Whether the job is to be the only one, or what is wrong with the wish.
pub fn judge(
    key: Option<String>,
    long: Option<UniqueJson>,
    wrong: &mut Vec<Argument>,
) -> Option<Unique> {
    let mut refuse = |field, code, message: &str| wrong.push(Argument::new(field, code, message));
    if key.is_some() && long.is_some() {
        refuse("unique", "conflict", "give either unique_key or unique");
    }
    let given = [
        ("unique_key", key.as_ref()),
        (
            "unique.key",
            long.as_ref().and_then(|long| long.key.as_ref()),
        ),
    ];
    for (field, key) in given {
        if key.is_some_and(String::is_empty) {
            refuse(field, "empty", "a key has a character at least");
        }
    }
    let Some(long) = long else {
        return key.map(Unique::by_key);
    };
    let mut unique = long.key.map_or_else(Unique::by_args, Unique::by_key);
    if let Some(states) = long.while_in {
        unique = unique.while_in(States::of(&states));
    }
    match long.period_seconds.map(Duration::try_from_secs_f64) {
        None => {}
        Some(Ok(period)) if period >= SHORTEST => unique = unique.per(period),
        Some(_) => refuse(
            "unique.period_seconds",
            "out_of_range",
            "give a number of seconds from 1 on",
        ),
    }
    Some(unique.wins(long.wins))
}

/// A shorter period is a slip.
const SHORTEST: Duration = Duration::from_secs(1);
