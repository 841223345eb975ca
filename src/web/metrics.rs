//! `GET /metrics`: what the rooms below count, and what only the database knows.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header};

use super::{Answer, State, operator::Operator, visit::Visit};
use crate::{
    queue::{EMAIL, TASK},
    store::StoreError,
};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Open to this machine's own addresses; elsewhere operators get it.
pub async fn scrape(visit: Visit, request: HttpRequest) -> Answer {
    if !visit.local {
        Operator::admit(&request, &visit).await?;
    }
    let state = &visit.state;
    if refresh(state).await.is_err() {
        // What was true some time ago is not shown as if it were now; `cadastro_db_up` says why.
        state.metrics.set_jobs([]);
    }
    for (is, connections) in state.store.connections() {
        state.metrics.set_db_connections(is, connections);
    }
    let openmetrics = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accepted| accepted.to_str().ok())
        .is_some_and(|accepted| accepted.contains("application/openmetrics-text"));
    Ok(HttpResponse::Ok()
        .content_type(if openmetrics { OPENMETRICS } else { PROMETHEUS })
        .body(state.metrics.render(openmetrics)))
}

async fn refresh(state: &State) -> Result<(), StoreError> {
    let counts = state.store.job_counts().await?;
    let loads = state.store.queue_loads().await?;
    let queues = state.store.queues().await?;
    let metrics = &state.metrics;
    metrics.set_jobs(
        counts
            .into_iter()
            .map(|count| (count.queue, count.kind, count.state.word(), count.jobs)),
    );
    for queue in [EMAIL, TASK] {
        metrics.set_oldest_due(queue, Duration::ZERO);
        metrics.set_paused(queue, false);
    }
    let now = state.clock.now();
    for load in loads {
        let waited = now.duration_since(load.oldest_due);
        metrics.set_oldest_due(&load.queue, waited.try_into().unwrap_or_default());
    }
    for queue in queues {
        metrics.set_paused(&queue.name, queue.paused_at.is_some());
    }
    Ok(())
}
