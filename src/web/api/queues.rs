//! `/api/v1/queues`: how the queues keep up, and what operators decide of them.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    object::Object,
    queue_change::{self, QueueJson, RateJson},
};
use crate::{
    jobs::Catalogue,
    queue::NewJob,
    store::{JobCount, QueueLoad, Removal, Store, StoreError},
    web::{
        Answer, State, WebError, census::Census, error::Argument, jobs::instant, operator::Operator,
    },
};

/// Every queue.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueList)]
pub struct List {
    pub queues: Vec<Queue>,
}

/// How a queue keeps up.
#[derive(Default, Serialize, ToSchema)]
pub struct Queue {
    pub name: String,
    pub paused: bool,
    #[schema(format = DateTime)]
    pub paused_at: Option<String>,
    pub paused_because: Option<String>,
    /// Actors on each instance, where somebody has decided that.
    pub workers: Option<usize>,
    pub at_once: Option<u32>,
    pub at_once_per_key: Option<u32>,
    pub rate: Option<RateJson>,
    /// When the job that has waited longest fell due.
    #[schema(format = DateTime)]
    pub oldest_due_at: Option<String>,
    /// How many there are, by state.
    pub jobs: BTreeMap<&'static str, i64>,
    /// How long ago they were counted; null where nobody could.
    pub jobs_age_seconds: Option<f64>,
}

/// Every queue.
#[utoipa::path(get, path = "/api/v1/queues", responses((status = OK, body = List)))]
pub async fn list(_: Operator, state: web::Data<State>, census: web::Data<Census>) -> Answer {
    let queues = looked_over(&state, &census).await?.into_values().collect();
    Ok(HttpResponse::Ok().json(List { queues }))
}

/// Pauses a queue, on every instance: what runs goes on, nothing begins.
#[utoipa::path(post, path = "/api/v1/queues/{queue}/pause", responses((status = OK, body = Queue)))]
pub async fn pause(
    operator: Operator,
    state: web::Data<State>,
    census: web::Data<Census>,
    name: web::Path<String>,
) -> Answer {
    known(&state, &name).await?;
    let because = format!("paused by {}", operator.name);
    state.scheduler.pause(&name, &because).await?;
    one(&state, &census, &name).await
}

/// Lets a paused queue go on.
#[utoipa::path(post, path = "/api/v1/queues/{queue}/resume", responses((status = OK, body = Queue)))]
pub async fn resume(
    _: Operator,
    state: web::Data<State>,
    census: web::Data<Census>,
    name: web::Path<String>,
) -> Answer {
    known(&state, &name).await?;
    state.scheduler.resume(&name).await?;
    one(&state, &census, &name).await
}

/// A queue.
#[utoipa::path(get, path = "/api/v1/queues/{queue}", responses((status = OK, body = Queue)))]
pub async fn show(
    _: Operator,
    state: web::Data<State>,
    census: web::Data<Census>,
    name: web::Path<String>,
) -> Answer {
    one(&state, &census, &name).await
}

/// Makes a queue where there is none, and changes of it what is given.
#[utoipa::path(
    put,
    path = "/api/v1/queues/{queue}",
    request_body = QueueJson,
    responses((status = OK, body = Queue)),
)]
pub async fn set(
    _: Operator,
    state: web::Data<State>,
    census: web::Data<Census>,
    name: web::Path<String>,
    asked: web::Json<Object<QueueJson>>,
) -> Answer {
    let set = queue_change::judge(&name, asked.into_inner().0).map_err(WebError::Arguments)?;
    state.scheduler.set_queue(&name, set).await?;
    one(&state, &census, &name).await
}

/// Removes a queue that holds no unfinished job.
#[utoipa::path(delete, path = "/api/v1/queues/{queue}", responses((status = NO_CONTENT), (status = CONFLICT)))]
pub async fn remove(_: Operator, state: web::Data<State>, name: web::Path<String>) -> Answer {
    if let Some(why) = stays(&state.catalogue, &name) {
        return Err(WebError::Conflict(why));
    }
    known(&state, &name).await?;
    match state.scheduler.remove_queue(&name).await? {
        Removal::Done => Ok(HttpResponse::NoContent().finish()),
        Removal::Unknown => Err(WebError::NotFound),
        Removal::InUse => Err(WebError::Conflict(IN_USE.to_owned())),
    }
}

/// Why a queue that holds jobs is not removed.
pub const IN_USE: &str = "the queue holds jobs that are not finished";

/// Why a queue cannot be removed, whatever it holds.
pub fn stays(catalogue: &Catalogue, name: &str) -> Option<String> {
    catalogue.has_queue(name).then(|| {
        format!("kinds of job live in `{name}`, so it stays; its limits can be taken back")
    })
}

/// Refuses jobs for queues that there are not: nobody would start them.
pub async fn must_exist(state: &State, jobs: &[NewJob]) -> Result<(), WebError> {
    let named = |job: &NewJob| state.catalogue.has_queue(&job.queue);
    if jobs.iter().all(named) {
        return Ok(());
    }
    let made = state.store.queues().await?;
    let made = |job: &NewJob| made.iter().any(|row| row.name == job.queue);
    let Some(index) = jobs.iter().position(|job| !named(job) && !made(job)) else {
        return Ok(());
    };
    Err(WebError::Arguments(vec![Argument {
        field: match jobs.len() {
            1 => "queue".to_owned(),
            _ => format!("jobs[{index}].queue"),
        },
        code: "unknown",
        message: format!("there is no queue called `{}`", jobs[index].queue),
    }]))
}

/// A kind of job names it, or an operator has made it.
async fn known(state: &State, name: &str) -> Result<(), WebError> {
    let made = async || state.store.queues().await;
    match state.catalogue.has_queue(name) || made().await?.iter().any(|row| row.name == name) {
        true => Ok(()),
        false => Err(WebError::NotFound),
    }
}

async fn one(state: &State, census: &Census, name: &str) -> Answer {
    let queue = looked_over(state, census).await?.remove(name);
    Ok(HttpResponse::Ok().json(queue.ok_or(WebError::NotFound)?))
}

/// Every queue, by its name. What was decided of it is true; what takes a look at the jobs may be missing, since
/// whoever has just paused a queue is not to read that it failed.
async fn looked_over(state: &State, census: &Census) -> Result<BTreeMap<String, Queue>, WebError> {
    let mut queues = decided(&state.store, &state.catalogue).await?;
    if let Some(count) = census.newest(&state.store).await {
        add_counts(&mut queues, &count.jobs, count.age);
    }
    if let Ok(loads) = state.store.queue_loads().await {
        add_loads(&mut queues, loads);
    }
    Ok(queues)
}

/// Every queue, by its name, with its jobs counted now.
pub async fn all(
    store: &Store,
    catalogue: &Catalogue,
) -> Result<BTreeMap<String, Queue>, StoreError> {
    let mut queues = decided(store, catalogue).await?;
    add_counts(&mut queues, &store.job_counts().await?, Duration::ZERO);
    add_loads(&mut queues, store.queue_loads().await?);
    Ok(queues)
}

/// Those that kinds of job name, and those that somebody has decided something of.
async fn decided(
    store: &Store,
    catalogue: &Catalogue,
) -> Result<BTreeMap<String, Queue>, StoreError> {
    let mut queues = BTreeMap::new();
    for name in catalogue.queues() {
        named(&mut queues, name);
    }
    for row in store.queues().await? {
        let queue = named(&mut queues, &row.name);
        queue.paused = row.paused_at.is_some();
        queue.paused_at = row.paused_at.map(instant);
        queue.paused_because = row.because;
        queue.workers = row.workers;
        queue.at_once = row.limits.at_once;
        queue.at_once_per_key = row.limits.at_once_per_key;
        queue.rate = row.limits.rate.map(RateJson::from);
    }
    Ok(queues)
}

fn add_counts(queues: &mut BTreeMap<String, Queue>, counts: &[JobCount], age: Duration) {
    // A queue that was removed is shown no more, but for jobs in it that nobody would start.
    for count in counts {
        if !count.state.is_final() && count.jobs > 0 {
            named(queues, &count.queue);
        }
    }
    for count in counts {
        if let Some(queue) = queues.get_mut(&count.queue) {
            *queue.jobs.entry(count.state.word()).or_default() += count.jobs;
        }
    }
    for queue in queues.values_mut() {
        queue.jobs_age_seconds = Some(age.as_secs_f64());
    }
}

fn add_loads(queues: &mut BTreeMap<String, Queue>, loads: Vec<QueueLoad>) {
    for load in loads {
        named(queues, &load.queue).oldest_due_at = Some(instant(load.oldest_due));
    }
}

fn named<'a>(queues: &'a mut BTreeMap<String, Queue>, name: &str) -> &'a mut Queue {
    queues.entry(name.to_owned()).or_insert_with(|| Queue {
        name: name.to_owned(),
        ..Queue::default()
    })
}
