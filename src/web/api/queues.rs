//! `/api/v1/queues`: how the queues keep up, and the switch that pauses them.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, rt, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    queue::{EMAIL, TASK},
    store::{Store, StoreError},
    web::{Answer, State, WebError, jobs::instant, operator::Operator},
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
    /// When the job that has waited longest fell due.
    #[schema(format = DateTime)]
    pub oldest_due_at: Option<String>,
    /// How many there are, by state.
    pub jobs: BTreeMap<&'static str, i64>,
}

/// Every queue.
#[utoipa::path(get, path = "/api/v1/queues", responses((status = OK, body = List)))]
pub async fn list(_: Operator, state: web::Data<State>) -> Answer {
    let queues = looked_over(&state).await?.into_values().collect();
    Ok(HttpResponse::Ok().json(List { queues }))
}

/// Pauses a queue, on every instance: what runs goes on, nothing begins.
#[utoipa::path(post, path = "/api/v1/queues/{queue}/pause", responses((status = OK, body = Queue)))]
pub async fn pause(operator: Operator, state: web::Data<State>, name: web::Path<String>) -> Answer {
    let name = known(&name)?;
    let because = format!("paused by {}", operator.name);
    state.scheduler.pause(name, &because).await?;
    one(&state, name).await
}

/// Lets a paused queue go on.
#[utoipa::path(post, path = "/api/v1/queues/{queue}/resume", responses((status = OK, body = Queue)))]
pub async fn resume(_: Operator, state: web::Data<State>, name: web::Path<String>) -> Answer {
    let name = known(&name)?;
    state.scheduler.resume(name).await?;
    one(&state, name).await
}

fn known(name: &str) -> Result<&'static str, WebError> {
    let found = [EMAIL, TASK].into_iter().find(|known| *known == name);
    found.ok_or(WebError::NotFound)
}

async fn one(state: &State, name: &str) -> Answer {
    let queue = looked_over(state).await?.remove(name);
    Ok(HttpResponse::Ok().json(queue.ok_or(WebError::NotFound)?))
}

/// As [`all`], on its own: where there are millions of jobs, it takes more questions than a visitor's page may.
async fn looked_over(state: &State) -> Result<BTreeMap<String, Queue>, WebError> {
    let store = state.store.clone();
    let asked = rt::spawn(async move { all(&store).await });
    Ok(asked.await??)
}

/// Every queue, by its name.
pub async fn all(store: &Store) -> Result<BTreeMap<String, Queue>, StoreError> {
    let mut queues = BTreeMap::new();
    fn queue<'a>(queues: &'a mut BTreeMap<String, Queue>, name: &str) -> &'a mut Queue {
        queues.entry(name.to_owned()).or_insert_with(|| Queue {
            name: name.to_owned(),
            ..Queue::default()
        })
    }
    for name in [EMAIL, TASK] {
        queue(&mut queues, name);
    }
    for count in store.job_counts().await? {
        let jobs = &mut queue(&mut queues, &count.queue).jobs;
        *jobs.entry(count.state.word()).or_default() += count.jobs;
    }
    for load in store.queue_loads().await? {
        queue(&mut queues, &load.queue).oldest_due_at = Some(instant(load.oldest_due));
    }
    for row in store.queues().await? {
        let queue = queue(&mut queues, &row.name);
        queue.paused = row.paused_at.is_some();
        queue.paused_at = row.paused_at.map(instant);
        queue.paused_because = row.because;
    }
    Ok(queues)
}
