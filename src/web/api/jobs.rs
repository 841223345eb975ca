//! `/api/v1/jobs`: the operator's questions about jobs, and the operator's hand in them.

use std::{fmt::Display, str::FromStr};

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    new_job::{self, EditJson, NewJobJson},
    object::Object,
    queues,
    schemas::or_empty,
};
use crate::{
    queue::{ARGS_BYTES, Ending, JobId, State as JobState},
    store::{AttemptRow, JobFilter, JobRow},
    web::{
        Answer, State, WebError,
        error::Argument,
        jobs::{JobJson, instant},
        operator::Operator,
    },
};

/// The largest job: the largest arguments, also with every character written as an escape.
pub const JOB_BYTES: usize = 7 * ARGS_BYTES;

/// The largest batch: 800 bytes for each job of the longest one.
pub const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The longest batch, which is written within the time of one transaction.
const BATCH_JOBS: usize = 10_000;

/// How many jobs a page of the list has.
const PAGE: i64 = 50;

/// How many it may have.
const LARGEST_PAGE: i64 = 1000;

/// What a list is asked for. What is left empty, as a form sends it, is not asked for.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
pub struct Query {
    #[serde(deserialize_with = "unless_empty")]
    #[param(schema_with = or_empty::<JobState>)]
    state: Option<JobState>,
    #[serde(deserialize_with = "unless_empty")]
    #[param(value_type = String, required = false, pattern = "^[A-Za-z0-9_]*$")]
    kind: Option<String>,
    #[serde(deserialize_with = "unless_empty")]
    #[param(value_type = String, required = false, pattern = "^[A-Za-z0-9_]*$")]
    queue: Option<String>,
    /// From 1 to 1000; otherwise 50.
    #[serde(deserialize_with = "unless_empty")]
    #[param(schema_with = or_empty::<i64>)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[serde(deserialize_with = "unless_empty")]
    #[param(schema_with = or_empty::<i64>)]
    cursor: Option<i64>,
}

fn unless_empty<'de, D, T>(value: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(value)?;
    let read = (!text.is_empty()).then(|| text.parse());
    read.transpose().map_err(D::Error::custom)
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = JobList)]
pub struct List {
    pub jobs: Vec<Listed>,
    /// Give it as `cursor` to go on; null at the end.
    pub next_cursor: Option<String>,
}

/// A job in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedJob)]
pub struct Listed {
    #[serde(flatten)]
    job: JobJson,
    priority: i32,
    #[schema(format = DateTime)]
    created_at: String,
    /// As it is stored, behind the kind; null where it holds none, or none any more.
    unique_key: Option<String>,
}

/// A job with all that is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeJob)]
pub struct Shown {
    #[serde(flatten)]
    job: Listed,
    args: Value,
    /// The first job of its flow; null if it belongs to none.
    flow: Option<JobId>,
    attempts: Vec<Attempt>,
    result: Option<String>,
    /// When somebody asked it to stop while it executed.
    #[schema(format = DateTime)]
    cancel_at: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct Attempt {
    attempt: i32,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// Null while it lasts.
    outcome: Option<String>,
    error: Option<String>,
}

/// What a batch is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    jobs: Vec<NewJobJson>,
}

#[derive(Serialize, ToSchema)]
struct Inserted {
    inserted: usize,
}

/// Jobs, the newest first.
#[utoipa::path(get, path = "/api/v1/jobs", params(Query), responses((status = OK, body = List)))]
pub async fn list(_: Operator, state: web::Data<State>, query: web::Query<Query>) -> Answer {
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        let wrong = format!("limit has to be from 1 to {LARGEST_PAGE}");
        return Err(WebError::Unreadable(wrong));
    }
    let filter = JobFilter {
        state: query.state,
        kind: query.kind.map(name).transpose()?,
        queue: query.queue.map(name).transpose()?,
    };
    // One more than asked for tells whether there is a next page.
    let mut rows = state
        .store
        .jobs(&filter, query.cursor.map(JobId), limit + 1)
        .await?;
    let more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|job| job.id.to_string());
    Ok(HttpResponse::Ok().json(List {
        jobs: rows.iter().map(Listed::from).collect(),
        next_cursor,
    }))
}

/// Kinds and queues have plain names; whatever else is asked for cannot be found.
fn name(name: String) -> Result<String, WebError> {
    match is_name(&name) {
        true => Ok(name),
        false => Err(WebError::Unreadable(NAMES.to_owned())),
    }
}

/// Whether a kind or a queue can be called so. PostgreSQL does not even take every text.
pub fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(plain)
}

/// What is wrong with any other.
pub const NAMES: &str = "kind and queue are snake_case names";

/// Enqueues a job. 200 with the one that is there already, where another holds its key.
#[utoipa::path(
    post,
    path = "/api/v1/jobs",
    responses(
        (status = CREATED, body = Shown, headers(("Location" = String, description = "Where the job is shown."))),
        (status = OK, body = Shown, headers(("Location" = String, description = "Where the job is shown."))),
    ),
)]
pub async fn create(_: Operator, state: web::Data<State>, new: web::Json<NewJobJson>) -> Answer {
    let new = new_job::judge(&state.catalogue, new.into_inner()).map_err(WebError::Arguments)?;
    queues::must_exist(&state, std::slice::from_ref(&new)).await?;
    let rows = state.scheduler.enqueue(vec![new]).await?;
    let job = rows
        .first()
        .ok_or_else(|| WebError::fault("no row came of a new job"))?;
    let location = (header::LOCATION, format!("/api/v1/jobs/{}", job.id));
    if !job.is_new() {
        let attempts = state.store.attempts(job.id).await?;
        let mut there = HttpResponse::Ok();
        return Ok(there.insert_header(location).json(shown(job, attempts)));
    }
    let mut created = HttpResponse::Created();
    Ok(created.insert_header(location).json(shown(job, Vec::new())))
}

/// Enqueues jobs: all of them, or none. Those whose keys others hold do not count as inserted.
#[utoipa::path(post, path = "/api/v1/jobs/batch", responses((status = CREATED, body = Inserted)))]
pub async fn create_many(_: Operator, state: web::Data<State>, batch: web::Json<Batch>) -> Answer {
    let jobs = batch.into_inner().jobs;
    if jobs.len() > BATCH_JOBS {
        let message = format!("a batch has {BATCH_JOBS} jobs at most");
        let wrong = Argument::new("jobs", "too_many", message);
        return Err(WebError::Arguments(vec![wrong]));
    }
    let new = new_job::judge_all(&state.catalogue, jobs);
    let new = new.map_err(WebError::Arguments)?;
    queues::must_exist(&state, &new).await?;
    let rows = state.scheduler.enqueue(new).await?;
    Ok(HttpResponse::Created().json(Inserted {
        inserted: rows.iter().filter(|job| job.is_new()).count(),
    }))
}

/// A job and its attempts.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", responses((status = OK, body = Shown)))]
pub async fn show(_: Operator, state: web::Data<State>, id: web::Path<i64>) -> Answer {
    let job = find(&state, JobId(*id)).await?;
    answer(&state, &job).await
}

/// Changes a job that waits; what is not given stays.
#[utoipa::path(
    patch,
    path = "/api/v1/jobs/{id}",
    request_body = EditJson,
    responses((status = OK, body = Shown), (status = CONFLICT)),
)]
pub async fn edit(
    _: Operator,
    state: web::Data<State>,
    id: web::Path<i64>,
    edit: web::Json<Object<EditJson>>,
) -> Answer {
    let edit = new_job::judge_edit(edit.into_inner().0).map_err(WebError::Arguments)?;
    let job = state.scheduler.edit(JobId(*id), edit).await?;
    answer(&state, &job).await
}

/// Cancels a job. 202 where it executes, here or elsewhere, and is yet to stop.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/cancel",
    responses((status = OK, body = Shown), (status = ACCEPTED, body = Shown), (status = CONFLICT)),
)]
pub async fn cancel(_: Operator, state: web::Data<State>, id: web::Path<i64>) -> Answer {
    match state.scheduler.cancel(JobId(*id)).await? {
        Some(job) if job.state == JobState::Executing => {
            let attempts = state.store.attempts(job.id).await?;
            Ok(HttpResponse::Accepted().json(shown(&job, attempts)))
        }
        Some(job) => answer(&state, &job).await,
        None => Err(refused(&find(&state, JobId(*id)).await?, "cancelled")),
    }
}

/// Makes a job due at once that failed or was cancelled.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", responses((status = OK, body = Shown), (status = CONFLICT)))]
pub async fn retry(_: Operator, state: web::Data<State>, id: web::Path<i64>) -> Answer {
    match state.scheduler.retry(JobId(*id)).await? {
        Some(job) => answer(&state, &job).await,
        None => Err(refused(&find(&state, JobId(*id)).await?, "retried")),
    }
}

fn refused(job: &JobRow, what: &str) -> WebError {
    WebError::Conflict(format!("a job that is {} cannot be {what}", job.state))
}

async fn find(state: &State, id: JobId) -> Result<JobRow, WebError> {
    state.store.job(id).await?.ok_or(WebError::NotFound)
}

async fn answer(state: &State, job: &JobRow) -> Answer {
    let attempts = state.store.attempts(job.id).await?;
    Ok(HttpResponse::Ok().json(shown(job, attempts)))
}

impl From<&JobRow> for Listed {
    fn from(job: &JobRow) -> Self {
        Listed {
            job: job.into(),
            priority: job.priority,
            created_at: instant(job.created_at),
            unique_key: job.unique_key.clone(),
        }
    }
}

/// A job and its recorded attempts, as programs read them.
pub fn shown(job: &JobRow, recorded: Vec<AttemptRow>) -> Shown {
    Shown {
        job: job.into(),
        args: job.shown_args(),
        flow: job.flow,
        attempts: attempts(job, recorded),
        result: job.result.clone(),
        cancel_at: job.cancel_at.map(instant),
    }
}

/// The recorded attempts, and the one that only the job's own row tells of: it lasts, or it
/// completed the job.
fn attempts(job: &JobRow, recorded: Vec<AttemptRow>) -> Vec<Attempt> {
    let known = recorded.iter().any(|row| row.attempt == job.attempt);
    let mut attempts: Vec<Attempt> = recorded
        .into_iter()
        .map(|row| Attempt {
            attempt: row.attempt,
            started_at: instant(row.started_at),
            finished_at: Some(instant(row.finished_at)),
            error: row.told(&job.queue),
            outcome: Some(row.outcome),
        })
        .collect();
    let outcome = match job.state {
        JobState::Executing => None,
        JobState::Completed => Some(Ending::Completed.word().to_owned()),
        _ => return attempts,
    };
    if let Some(started_at) = job.started_at.filter(|_| !known) {
        attempts.push(Attempt {
            attempt: job.attempt,
            started_at: instant(started_at),
            finished_at: job.finished_at.map(instant),
            outcome,
            error: None,
        });
    }
    attempts
}
