//! `/healthz` and `/readyz`: alive? ready?

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use actix_web::{HttpResponse, rt, web};
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
    let migrations = match migrated.0.load(Relaxed) {
        true => "done",
        false if database => migrations(&state).await,
        false => "unknown",
    };
    let done = migrations == "done";
    migrated.0.store(done, Relaxed);
    let ready = database && done && !stopping;
    let mut answer = match ready {
        true => HttpResponse::Ok(),
        false => HttpResponse::ServiceUnavailable(),
    };
    Ok(answer.json(Ready {
        status: if ready { "ready" } else { "not ready" },
        database: if database { "up" } else { "away" },
        migrations,
        stopping,
    }))
}

async fn migrations(state: &State) -> &'static str {
    let store = state.store.clone();
    // On its own: when patience ends, the question goes on.
    let asked = rt::spawn(async move { store.pending_migrations().await });
    match timeout(PATIENCE, asked).await {
        Ok(Ok(Ok(pending))) if pending.is_empty() => "done",
        Ok(Ok(Ok(_))) => "pending",
        _ => "unknown",
    }
}
