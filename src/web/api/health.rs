//! `/healthz` and `/readyz`: alive? ready?

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use actix_web::{HttpResponse, web};
use serde::Serialize;
use tokio::time::timeout;

use crate::web::{Answer, State};

/// How long a question about migrations may take; the store sets it no limit.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the migrations were once seen done: none is ever undone while the program runs.
#[derive(Default)]
pub struct Migrated(AtomicBool);

#[derive(Serialize)]
struct Alive {
    status: &'static str,
    scheduler: &'static str,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    database: &'static str,
    migrations: &'static str,
    stopping: bool,
}

/// `GET /healthz`: the Scheduler's loop turns, and with it the process.
pub async fn alive(state: web::Data<State>) -> Answer {
    let turning = state.scheduler.turning().await;
    let (mut answer, status, scheduler) = match turning {
        true => (HttpResponse::Ok(), "ok", "turning"),
        false => (HttpResponse::ServiceUnavailable(), "failing", "stuck"),
    };
    Ok(answer.json(Alive { status, scheduler }))
}

/// `GET /readyz`: whether a load balancer should send visitors here.
pub async fn ready(state: web::Data<State>, migrated: web::Data<Migrated>) -> Answer {
    let stopping = *state.stopping.borrow();
    let database = state.store.ping().await.is_ok();
    if database && !migrated.0.load(Relaxed) {
        let pending = timeout(PATIENCE, state.store.pending_migrations()).await;
        let done = matches!(pending, Ok(Ok(pending)) if pending.is_empty());
        migrated.0.store(done, Relaxed);
    }
    let done = migrated.0.load(Relaxed);
    let ready = database && done && !stopping;
    let mut answer = match ready {
        true => HttpResponse::Ok(),
        false => HttpResponse::ServiceUnavailable(),
    };
    Ok(answer.json(Ready {
        status: if ready { "ready" } else { "not ready" },
        database: if database { "up" } else { "away" },
        migrations: match (done, database) {
            (true, _) => "done",
            (false, true) => "pending",
            (false, false) => "unknown",
        },
        stopping,
    }))
}
