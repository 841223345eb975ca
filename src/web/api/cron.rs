//! `/api/v1/cron`: what is enqueued by the calendar, and the operator's hand in it.

use actix_web::{HttpResponse, http::header, web};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    jobs::{Shown as ShownJob, shown as job_shown},
    new_entry::{self, NewEntryJson},
};
use crate::{
    actors::EnqueueError,
    jobs::Catalogue,
    queue::NewEntry,
    store::EntryRow,
    web::{Answer, State, WebError, jobs::instant, operator::Operator},
};

/// How many instants an entry shows ahead.
const AHEAD: usize = 10;

/// Every entry.
#[derive(Serialize, ToSchema)]
#[schema(as = EntryList)]
pub struct List {
    pub entries: Vec<Entry>,
}

/// An entry of the crontab.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    pub name: String,
    pub kind: String,
    pub args: Value,
    pub schedule: String,
    pub zone: String,
    pub missed: String,
    pub gap: String,
    pub fold: String,
    /// A kind of job declares it: it can be disabled, and not removed.
    pub declared: bool,
    pub enabled: bool,
    #[schema(format = DateTime)]
    pub last_at: Option<String>,
    pub last_job: Option<i64>,
    /// Null where it is disabled, or this program knows its kind or zone too little to tell.
    #[schema(format = DateTime)]
    pub next_at: Option<String>,
}

/// An entry with what lies ahead.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeEntry)]
pub struct Shown {
    #[serde(flatten)]
    pub entry: Entry,
    /// The next ten instants, if it is enabled until then.
    pub next: Vec<Ahead>,
}

/// An instant that lies ahead.
#[derive(Serialize, ToSchema)]
pub struct Ahead {
    #[schema(format = DateTime)]
    pub at: String,
    /// As the clock of the entry's zone shows it.
    #[schema(format = DateTime)]
    pub local: String,
}

/// Every entry of the crontab.
#[utoipa::path(get, path = "/api/v1/cron", responses((status = OK, body = List)))]
pub async fn list(_: Operator, state: web::Data<State>) -> Answer {
    let rows = state.store.crontab().await?;
    let entries = rows
        .iter()
        .map(|row| listed(&state.catalogue, row))
        .collect();
    Ok(HttpResponse::Ok().json(List { entries }))
}

/// Adds an entry to the crontab.
#[utoipa::path(
    post,
    path = "/api/v1/cron",
    responses(
        (status = CREATED, body = Shown, headers(("Location" = String, description = "Where the entry is shown."))),
        (status = CONFLICT),
    ),
)]
pub async fn create(_: Operator, state: web::Data<State>, new: web::Json<NewEntryJson>) -> Answer {
    let entry =
        new_entry::judge(&state.catalogue, new.into_inner()).map_err(WebError::Arguments)?;
    let name = entry.name.clone();
    let row = state.scheduler.add_entry(entry).await?;
    let row =
        row.ok_or_else(|| WebError::Conflict(format!("there is an entry `{name}` already")))?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/cron/{name}")))
        .json(shown(&state.catalogue, &row, state.clock.now())))
}

/// An entry, and what lies ahead.
#[utoipa::path(get, path = "/api/v1/cron/{name}", responses((status = OK, body = Shown)))]
pub async fn show(_: Operator, state: web::Data<State>, name: web::Path<String>) -> Answer {
    answer(&state, &find(&state, &name).await?)
}

/// Removes an entry that no kind of job declares.
#[utoipa::path(delete, path = "/api/v1/cron/{name}", responses((status = NO_CONTENT), (status = CONFLICT)))]
pub async fn remove(_: Operator, state: web::Data<State>, name: web::Path<String>) -> Answer {
    find(&state, &name).await?;
    if state.scheduler.remove_entry(&name).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    let declared = format!("`{name}` is declared by its kind of job: it can only be disabled");
    Err(WebError::Conflict(declared))
}

/// Lets an entry fire again.
#[utoipa::path(post, path = "/api/v1/cron/{name}/enable", responses((status = OK, body = Shown)))]
pub async fn enable(_: Operator, state: web::Data<State>, name: web::Path<String>) -> Answer {
    set(&state, &name, true).await
}

/// Lets an entry fire no more.
#[utoipa::path(post, path = "/api/v1/cron/{name}/disable", responses((status = OK, body = Shown)))]
pub async fn disable(_: Operator, state: web::Data<State>, name: web::Path<String>) -> Answer {
    set(&state, &name, false).await
}

/// Enqueues a job of an entry, now.
#[utoipa::path(
    post,
    path = "/api/v1/cron/{name}/run",
    responses(
        (status = CREATED, body = ShownJob, headers(("Location" = String, description = "Where the job is shown."))),
        (status = CONFLICT),
    ),
)]
pub async fn run(_: Operator, state: web::Data<State>, name: web::Path<String>) -> Answer {
    let row = find(&state, &name).await?;
    let job = match state.scheduler.run_entry(&row.entry).await {
        // The entry is to blame, and not whoever asks.
        Err(EnqueueError::Unfit(error)) => return Err(WebError::Conflict(error.to_string())),
        job => job?,
    };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/jobs/{}", job.id)))
        .json(job_shown(&job, Vec::new())))
}

async fn find(state: &State, name: &str) -> Result<EntryRow, WebError> {
    // No other can be there, and PostgreSQL does not even take every text.
    match NewEntry::is_name(name) {
        true => state.store.entry(name).await?.ok_or(WebError::NotFound),
        false => Err(WebError::NotFound),
    }
}

async fn set(state: &State, name: &str, enabled: bool) -> Answer {
    find(state, name).await?;
    let row = state.scheduler.enable_entry(name, enabled).await?;
    answer(state, &row.ok_or(WebError::NotFound)?)
}

fn answer(state: &State, row: &EntryRow) -> Answer {
    let shown = shown(&state.catalogue, row, state.clock.now());
    Ok(HttpResponse::Ok().json(shown))
}

/// An entry in a list.
pub fn listed(catalogue: &Catalogue, row: &EntryRow) -> Entry {
    let entry = row.entry.clone();
    Entry {
        name: entry.name,
        kind: entry.kind,
        args: serde_json::from_str(&entry.args).unwrap_or_default(),
        schedule: entry.schedule,
        zone: entry.zone,
        missed: entry.missed.to_string(),
        gap: entry.gap.to_string(),
        fold: entry.fold.to_string(),
        declared: row.declared,
        enabled: row.enabled,
        last_at: row.last_at.map(instant),
        last_job: row.last_job.map(|job| job.0),
        next_at: catalogue.next(row).map(instant),
    }
}

/// An entry with what lies ahead at `now`.
pub fn shown(catalogue: &Catalogue, row: &EntryRow, now: Timestamp) -> Shown {
    let schedule = row.entry.when().ok();
    let next = schedule.iter().flat_map(|schedule| {
        let ahead = |at| Ahead {
            at: instant(at),
            local: schedule.local(at).strftime("%FT%T%:z").to_string(),
        };
        schedule.after(now).take(AHEAD).map(ahead)
    });
    Shown {
        entry: listed(catalogue, row),
        next: next.collect(),
    }
}
