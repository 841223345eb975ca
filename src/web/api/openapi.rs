//! `GET /api/openapi.json`: what `/api/v1` takes and answers, as a document that programs read.
//!
//! It is made of the handlers. Each says what it answers when all goes well, and by their statuses alone the
//! refusals that only it has; those that the house has for any of its kind are added here, by rule.

use actix_web::{HttpResponse, http::StatusCode, web};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        HttpMethod, PathItem, RefOr,
        path::Operation,
        schema::Schema,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{actors, cron, flows, jobs, many_jobs, queues, refusals, schemas::words, signups};
use crate::{
    jobs::Catalogue,
    web::{Answer, State, problem::Problem},
};

/// The name under which the document has the operator's token.
const TOKEN: &str = "token";

/// The handlers under `/api/v1`; a test finds those of the route table that are missing.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "cadastro",
        description = "Sign-ups for everybody; jobs, flows, queues, the crontab and actors for operators, by the token of \
                       `--operator-token` or an operator's session. An address answers a method that it does \
                       not take with 405 and `Allow`."
    ),
    paths(
        signups::create,
        signups::show,
        jobs::list,
        jobs::create,
        jobs::create_many,
        jobs::show,
        jobs::edit,
        jobs::cancel,
        jobs::retry,
        many_jobs::retry,
        many_jobs::cancel,
        flows::create,
        flows::show,
        queues::list,
        queues::show,
        queues::set,
        queues::remove,
        queues::pause,
        queues::resume,
        cron::list,
        cron::create,
        cron::show,
        cron::remove,
        cron::enable,
        cron::disable,
        cron::run,
        actors::list,
    ),
    components(schemas(Problem)),
    security(("token" = [])),
    modifiers(&House),
)]
struct Document;

/// The document, for everybody.
pub async fn show(state: web::Data<State>) -> Answer {
    Ok(HttpResponse::Ok().json(document(&state.catalogue)))
}

/// The document of a program that knows these kinds of job.
fn document(catalogue: &Catalogue) -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let schemas = document.components.as_mut().map(|c| &mut c.schemas);
    let new_job = schemas.and_then(|schemas| schemas.get_mut("NewJob"));
    if let Some(RefOr::T(Schema::Object(new_job))) = new_job {
        let kinds = words(catalogue.kinds().map(|kind| kind.name));
        new_job.properties.insert("kind".to_owned(), kinds.into());
    }
    document
}

/// Adds what is true of every handler.
struct House;

impl Modify for House {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme(TOKEN, SecurityScheme::Http(token));
        refusals::describe(components);
        for item in document.paths.paths.values_mut() {
            for (method, operation) in operations(item) {
                refusals::add(&method, operation);
                describe(operation);
                name_by_room(operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let all = [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Put, item.put.as_mut()),
        (HttpMethod::Patch, item.patch.as_mut()),
        (HttpMethod::Delete, item.delete.as_mut()),
    ];
    let there = |(method, operation): (_, Option<_>)| Some((method, operation?));
    all.into_iter().filter_map(there)
}

/// What went well is told by its status; the operation's own summary says what that was.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let status = StatusCode::from_bytes(status.as_bytes());
        if let (RefOr::T(response), Ok(status)) = (response, status)
            && response.description.is_empty()
        {
            let reason = status.canonical_reason().unwrap_or_default();
            reason.clone_into(&mut response.description);
        }
    }
}

/// `jobs_list`: as the handler is called here, since several rooms have a `list`.
fn name_by_room(operation: &mut Operation) {
    let room = operation.tags.iter().flatten().next();
    if let (Some(room), Some(name)) = (room, &operation.operation_id) {
        operation.operation_id = Some(format!("{room}_{name}"));
    }
}
