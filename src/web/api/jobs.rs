//! `/api/v1/jobs`: the operator's questions about jobs, and the operator's hand in them.

use std::{fmt::Display, str::FromStr};

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

use super::new_job::{self, NewJobJson};
use crate::{
    queue::{Ending, JobId, State as JobState},
    store::{AttemptRow, JobFilter, JobRow},
    web::{
        Answer, State, WebError,
        jobs::{JobJson, instant},
        operator::Operator,
    },
};

/// The largest batch.
pub const BATCH_BYTES: usize = 1024 * 1024;

/// How many jobs a page of the list has.
const PAGE: i64 = 50;

/// How many it may have.
const LARGEST_PAGE: i64 = 1000;

/// What a list is asked for. What is left empty, as a form sends it, is not asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    #[serde(deserialize_with = "unless_empty")]
    state: Option<JobState>,
    #[serde(deserialize_with = "unless_empty")]
    kind: Option<String>,
    #[serde(deserialize_with = "unless_empty")]
    queue: Option<String>,
    #[serde(deserialize_with = "unless_empty")]
    limit: Option<i64>,
    #[serde(deserialize_with = "unless_empty")]
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
#[derive(Serialize)]
pub struct List {
    pub jobs: Vec<Listed>,
    /// Give it as `cursor` to go on; null at the end.
    pub next_cursor: Option<String>,
}

/// A job in a list.
#[derive(Serialize)]
pub struct Listed {
    #[serde(flatten)]
    job: JobJson,
    priority: i32,
    created_at: String,
}

/// A job with all that is known of it.
#[derive(Serialize)]
pub struct Shown {
    #[serde(flatten)]
    job: Listed,
    args: Value,
    attempts: Vec<Attempt>,
    result: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Attempt {
    attempt: i32,
    started_at: String,
    finished_at: Option<String>,
    /// Null while it lasts.
    outcome: Option<String>,
    error: Option<String>,
}

/// What a batch is made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    jobs: Vec<NewJobJson>,
}

#[derive(Serialize)]
struct Inserted {
    inserted: usize,
}

/// `GET /api/v1/jobs`
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
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match name.bytes().all(plain) {
        true => Ok(name),
        false => Err(WebError::Unreadable(
            "kind and queue are snake_case names".to_owned(),
        )),
    }
}

/// `POST /api/v1/jobs`
pub async fn create(_: Operator, state: web::Data<State>, new: web::Json<NewJobJson>) -> Answer {
    let new = new_job::judge(&state.catalogue, new.into_inner()).map_err(WebError::Arguments)?;
    let rows = state.scheduler.enqueue(vec![new]).await?;
    let job = rows
        .first()
        .ok_or_else(|| WebError::fault("no row came of a new job"))?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/jobs/{}", job.id)))
        .json(shown(job, Vec::new())))
}

/// `POST /api/v1/jobs/batch`: all of them, or none.
pub async fn create_many(_: Operator, state: web::Data<State>, batch: web::Json<Batch>) -> Answer {
    let new = new_job::judge_all(&state.catalogue, batch.into_inner().jobs);
    let rows = state
        .scheduler
        .enqueue(new.map_err(WebError::Arguments)?)
        .await?;
    Ok(HttpResponse::Created().json(Inserted {
        inserted: rows.len(),
    }))
}

/// `GET /api/v1/jobs/{id}`
pub async fn show(_: Operator, state: web::Data<State>, id: web::Path<i64>) -> Answer {
    let job = find(&state, JobId(*id)).await?;
    answer(&state, &job).await
}

/// `POST /api/v1/jobs/{id}/cancel`
pub async fn cancel(_: Operator, state: web::Data<State>, id: web::Path<i64>) -> Answer {
    match state.scheduler.cancel(JobId(*id)).await? {
        Some(job) => answer(&state, &job).await,
        None => Err(refused(&find(&state, JobId(*id)).await?, "cancelled")),
    }
}

/// `POST /api/v1/jobs/{id}/retry`
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
        }
    }
}

/// A job and its recorded attempts, as programs read them.
pub fn shown(job: &JobRow, recorded: Vec<AttemptRow>) -> Shown {
    Shown {
        job: job.into(),
        args: job.shown_args(),
        attempts: attempts(job, recorded),
        result: job.result.clone(),
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
