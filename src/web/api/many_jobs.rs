//! `/api/v1/jobs/retry` and `/api/v1/jobs/cancel`: many jobs at once, or a count of those that it would be.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    jobs::{NAMES, is_name},
    object::Object,
};
use crate::{
    queue::{JobId, State as JobState},
    store::{JobFilter, Move, Moved, Which},
    web::{Answer, State, WebError, error::Argument, operator::Operator},
};

/// The longest list of numbers.
pub const BYTES: usize = 1024 * 1024;

/// Which jobs a program means: by their numbers, by what they have in common, or all there are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MeantJobs)]
pub struct Meant {
    ids: Option<Vec<JobId>>,
    #[schema(value_type = Option<FilterJson>)]
    filter: Option<Object<FilterJson>>,
    /// A filter that was left empty by a slip means nothing; this says everything.
    #[serde(default)]
    all: bool,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = JobFilter)]
struct FilterJson {
    state: Option<JobState>,
    kind: Option<String>,
    queue: Option<String>,
}

/// How many jobs can be moved so, and how many were.
#[derive(Serialize, ToSchema)]
#[schema(as = MovedJobs)]
pub struct MovedJson {
    matched: usize,
    changed: usize,
}

/// Makes jobs due again that failed or were cancelled, or only counts them.
#[utoipa::path(post, path = "/api/v1/jobs/retry", responses((status = OK, body = MovedJson)))]
pub async fn retry(_: Operator, state: web::Data<State>, meant: web::Json<Meant>) -> Answer {
    move_all(&state, Move::Retry, meant.into_inner()).await
}

/// Cancels jobs, or only counts them; those that execute are asked to stop.
#[utoipa::path(post, path = "/api/v1/jobs/cancel", responses((status = OK, body = MovedJson)))]
pub async fn cancel(_: Operator, state: web::Data<State>, meant: web::Json<Meant>) -> Answer {
    move_all(&state, Move::Cancel, meant.into_inner()).await
}

async fn move_all(state: &State, how: Move, meant: Meant) -> Answer {
    let dry_run = meant.dry_run;
    let which = judge(meant).map_err(|wrong| WebError::Arguments(vec![wrong]))?;
    let moved = state.scheduler.move_all(how, which, dry_run).await?;
    Ok(HttpResponse::Ok().json(MovedJson::from(moved)))
}

fn judge(meant: Meant) -> Result<Which, Argument> {
    let names = meant
        .filter
        .iter()
        .flat_map(|Object(filter)| [&filter.kind, &filter.queue]);
    if names.flatten().any(|name| !is_name(name)) {
        return Err(Argument::new("filter", "invalid", NAMES));
    }
    let filter = meant.filter.map(|Object(filter)| JobFilter {
        state: filter.state,
        kind: filter.kind,
        queue: filter.queue,
    });
    let filter = filter.filter(|filter| !filter.is_empty());
    match (meant.ids, filter, meant.all) {
        (Some(ids), None, false) => Ok(Which::These(ids)),
        (None, Some(filter), false) => Ok(Which::All(filter)),
        (None, None, true) => Ok(Which::All(JobFilter::default())),
        (None, None, false) => {
            let message = "give ids, a filter that says something, or \"all\": true";
            Err(Argument::new("filter", "required", message))
        }
        _ => {
            let message = "give only one of ids, filter and all";
            Err(Argument::new("filter", "conflict", message))
        }
    }
}

impl From<Moved> for MovedJson {
    fn from(Moved { matched, changed }: Moved) -> Self {
        MovedJson { matched, changed }
    }
}
