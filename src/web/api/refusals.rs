//! What the API answers when it does not do what it is asked: a problem for each status, and the rule by which
//! an operation's own shape tells which of them it can answer.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use utoipa::openapi::{
    Components, ContentBuilder, Header, HttpMethod, ObjectBuilder, Ref, RefOr, ResponseBuilder,
    Type,
    path::{Operation, ParameterIn},
};

use crate::web::problem::PROBLEM_JSON;

/// What every refusal means, and the header that comes with it.
const REFUSALS: [(StatusCode, &str, Option<&str>); 12] = [
    (
        StatusCode::BAD_REQUEST,
        "The request cannot be read; `detail` says why.",
        None,
    ),
    (
        StatusCode::UNAUTHORIZED,
        "The operator's token is missing or wrong.",
        Some("WWW-Authenticate"),
    ),
    (
        StatusCode::FORBIDDEN,
        "Whoever is logged in is no operator, or another site sent the browser here.",
        None,
    ),
    (
        StatusCode::NOT_FOUND,
        "There is nothing at this address.",
        None,
    ),
    (
        StatusCode::REQUEST_TIMEOUT,
        "The content did not arrive in time.",
        None,
    ),
    (
        StatusCode::CONFLICT,
        "It does not go together with how things stand; `detail` says why.",
        None,
    ),
    (
        StatusCode::PAYLOAD_TOO_LARGE,
        "The content is too large.",
        None,
    ),
    (
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The content has to be `application/json`.",
        None,
    ),
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        "Something in the content is wrong; `errors` says what, by field.",
        None,
    ),
    (
        StatusCode::TOO_MANY_REQUESTS,
        "Too many tries.",
        Some("Retry-After"),
    ),
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "A fault of ours; `reference` finds it in the log.",
        None,
    ),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "The database is away, too many ask at once, or the program stops.",
        Some("Retry-After"),
    ),
];

/// Describes each once.
pub fn describe(components: &mut Components) {
    for (status, meaning, header) in REFUSALS {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
        let mut response = ResponseBuilder::new()
            .description(meaning)
            .content(PROBLEM_JSON, content.build());
        if let Some(header) = header {
            response = response.header(header, described(header));
        }
        let (name, response) = (name(status), response.build().into());
        components.responses.insert(name, response);
    }
}

/// Adds to an operation what it may refuse. Where its own attribute names the status of one, that is enough.
pub fn add(method: &HttpMethod, operation: &mut Operation) {
    for status in of(method, operation) {
        let refusal = Ref::from_response_name(name(status));
        let responses = &mut operation.responses.responses;
        responses.insert(status.as_str().to_owned(), refusal.into());
    }
}

/// What an operation may refuse: what it says itself, and what follows from what it takes.
fn of(method: &HttpMethod, operation: &Operation) -> BTreeSet<StatusCode> {
    let own = operation.responses.responses.keys();
    let own = own.filter_map(|status| StatusCode::from_bytes(status.as_bytes()).ok());
    let mut refusals: BTreeSet<_> = own.filter(|status| status.as_u16() >= 400).collect();
    refusals.extend([
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
    ]);
    if *method != HttpMethod::Get {
        refusals.insert(StatusCode::FORBIDDEN);
    }
    // What is open to everybody says so.
    if operation.security.is_none() {
        refusals.extend([StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN]);
    }
    for parameter in operation.parameters.iter().flatten() {
        if let RefOr::T(parameter) = parameter {
            refusals.insert(match parameter.parameter_in {
                ParameterIn::Path => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_REQUEST,
            });
        }
    }
    if operation.request_body.is_some() {
        refusals.extend([
            StatusCode::BAD_REQUEST,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]);
    }
    refusals
}

fn described(header: &str) -> Header {
    match header {
        "Retry-After" => {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer);
            let mut header = Header::new(seconds.minimum(Some(1)).build());
            header.description = Some("Seconds after which another try makes sense.".to_owned());
            header
        }
        _ => Header::default(),
    }
}

/// `NotFound`, `ServiceUnavailable`.
fn name(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or(status.as_str());
    reason.replace(' ', "")
}
