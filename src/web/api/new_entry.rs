//! An entry of the crontab as an operator asks for it, judged before it is added.

use std::{fmt::Display, str::FromStr};

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    jobs::Catalogue,
    queue::{Cron, NewEntry},
    web::error::Argument,
};

/// What a program sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEntry)]
pub struct NewEntryJson {
    name: String,
    kind: String,
    #[serde(default = "no_args")]
    args: Value,
    schedule: String,
    zone: Option<String>,
    missed: Option<String>,
    gap: Option<String>,
    fold: Option<String>,
}

fn no_args() -> Value {
    Value::Object(Map::new())
}

/// The entry, or all that is wrong with it.
pub fn judge(catalogue: &Catalogue, asked: NewEntryJson) -> Result<NewEntry, Vec<Argument>> {
    let mut wrong = Vec::new();
    let usual = Cron::at("");
    let entry = NewEntry {
        missed: read("missed", asked.missed, usual.missed, &mut wrong),
        gap: read("gap", asked.gap, usual.gap, &mut wrong),
        fold: read("fold", asked.fold, usual.fold, &mut wrong),
        name: asked.name,
        kind: asked.kind,
        args: asked.args.to_string(),
        schedule: asked.schedule,
        zone: asked.zone.unwrap_or_else(|| usual.zone.to_owned()),
    };
    wrong.extend(catalogue.judge(&entry).into_iter().map(|bad| Argument {
        field: bad.field().to_owned(),
        code: match bad.field() {
            "kind" | "zone" => "unknown",
            _ => "invalid",
        },
        message: bad.to_string(),
    }));
    match wrong.is_empty() {
        true => Ok(entry),
        false => Err(wrong),
    }
}

/// Reads a word, if one was given; what it says of a wrong one goes to `wrong`.
fn read<T: FromStr<Err: Display>>(
    field: &str,
    word: Option<String>,
    usual: T,
    wrong: &mut Vec<Argument>,
) -> T {
    match word.map(|word| word.parse()).transpose() {
        Ok(said) => said.unwrap_or(usual),
        Err(error) => {
            wrong.push(Argument {
                field: field.to_owned(),
                code: "unknown",
                message: error.to_string(),
            });
            usual
        }
    }
}
