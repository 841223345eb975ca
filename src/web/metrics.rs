//! `GET /metrics`: what the rooms below count, and what only the database knows.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    Answer, State,
    census::{Census, Count},
    operator::Operator,
    visit::Visit,
};
use crate::{jobs::Catalogue, metrics::Metrics, queue::State as JobState, store::StoreError};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Open to this machine's own addresses; elsewhere operators get it.
pub async fn scrape(visit: Visit, request: HttpRequest, census: web::Data<Census>) -> Answer {
    if !visit.local {
        Operator::admit(&request, &visit).await?;
    }
    let state = &visit.state;
    let counted = match refresh(state).await {
        Ok(()) => census.newest(&state.store).await,
        // What was true before the database went away is not shown; `cadastro_db_up` says why.
        Err(_) => None,
    };
    match counted {
        Some(count) => show(&state.metrics, &state.catalogue, &count),
        None => state.metrics.set_jobs([], None),
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
    let loads = state.store.queue_loads().await?;
    let queues = state.store.queues().await?;
    let metrics = &state.metrics;
    let known = state.catalogue.queues().map(|queue| -> &str { queue });
    for queue in known.chain(queues.iter().map(|row| &*row.name)) {
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

/// Shows every state of every kind that is known here, also where it has no job.
fn show(metrics: &Metrics, catalogue: &Catalogue, count: &Count) {
    let mut jobs = BTreeMap::new();
    for kind in catalogue.kinds() {
        for state in JobState::ALL {
            jobs.insert(
                (kind.queue.to_owned(), kind.name.to_owned(), state.word()),
                0,
            );
        }
    }
    for count in count.jobs.iter() {
        let labels = (count.queue.clone(), count.kind.clone(), count.state.word());
        jobs.insert(labels, count.jobs);
    }
    let jobs = jobs.into_iter();
    let jobs = jobs.map(|((queue, kind, state), jobs)| (queue, kind, state, jobs));
    metrics.set_jobs(jobs, Some(count.age));
}
