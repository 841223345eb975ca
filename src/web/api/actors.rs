//! `GET /api/v1/actors`: the supervision tree.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    actors::ActorReport,
    web::{Answer, State, jobs::instant, operator::Operator},
};

#[derive(Serialize, ToSchema)]
#[schema(as = ActorList)]
struct List {
    actors: Vec<Actor>,
}

#[derive(Serialize, ToSchema)]
struct Actor {
    name: String,
    kind: &'static str,
    parent: Option<&'static str>,
    state: &'static str,
    instances: i64,
    mailbox: i64,
    handled: u64,
    restarts: u64,
    last_restart: Option<Restart>,
}

#[derive(Serialize, ToSchema)]
struct Restart {
    #[schema(format = DateTime)]
    at: String,
    reason: &'static str,
}

/// Every kind of actor, parents first.
#[utoipa::path(get, path = "/api/v1/actors", responses((status = OK, body = List)))]
pub async fn list(_: Operator, state: web::Data<State>) -> Answer {
    let actors = state.tree.reports().into_iter().map(Actor::from).collect();
    Ok(HttpResponse::Ok().json(List { actors }))
}

impl From<ActorReport> for Actor {
    fn from(report: ActorReport) -> Self {
        Actor {
            name: report.name,
            kind: report.kind,
            parent: report.parent,
            state: report.state,
            instances: report.instances,
            mailbox: report.mailbox,
            handled: report.handled,
            restarts: report.restarts,
            last_restart: report.last_restart.map(|restart| Restart {
                at: instant(restart.at),
                reason: restart.reason,
            }),
        }
    }
}
