//! What a visitor or a program reads when something went wrong.

use std::error::Error as StdError;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{self, BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    rt,
};
use serde::Serialize;
use tracing::Instrument;

use super::{
    Answer,
    error::WebError,
    problem::{PROBLEM_JSON, Problem},
    span,
    visit::{FORMS, Visit},
};
use crate::store;

/// The answer at every address that is not in the route table.
pub async fn no_such_page() -> Answer {
    Err(WebError::NotFound)
}

/// Lets a handler come to its end whatever the browser does, and turns a panic into an error like
/// any other instead of a connection cut off.
///
/// actix-web drops the handler of a browser that hangs up, and with it whatever the handler has
/// begun: a question to SQLite cannot be dropped while it runs. All questions of a request share one
/// limit, or a slow database would keep its visitor waiting once for each.
pub async fn complete(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let asked = request.request().clone();
    let handled = store::sharing_one_limit(next.call(request));
    let handled = span::carry(asked.clone(), handled);
    match rt::spawn(handled.in_current_span()).await {
        Ok(answer) => answer.map(without_endless_body),
        Err(broken) => Ok(ServiceResponse::from_err(WebError::from(broken), asked)),
    }
}

/// HEAD asks for no body. actix-web would work through a stream all the same, and answer nothing else
/// on this connection until its end.
fn without_endless_body(
    answer: ServiceResponse<impl MessageBody + 'static>,
) -> ServiceResponse<BoxBody> {
    let asked = answer.request().method() == Method::HEAD;
    match answer.response().body().size() {
        BodySize::Stream if asked => answer.map_body(|_, _| BoxBody::new(body::None::new())),
        _ => answer.map_into_boxed_body(),
    }
}

/// Gives every answer that is an error its page, or its JSON.
pub async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    let Some(error) = response.response().error() else {
        return Ok(response.map_into_boxed_body());
    };
    let status = response.status();
    let told = match error.as_error::<WebError>() {
        Some(known) => tell(response.request(), known, status).await,
        None if status.is_server_error() => {
            let fault = WebError::fault(error.to_string());
            tell(response.request(), &fault, status).await
        }
        None => tell(response.request(), &WebError::Other(status), status).await,
    };
    Ok(response.into_response(told))
}

/// A number by which somebody can ask about an error; the log has it too, with the whole chain.
pub fn reference(error: &WebError) -> String {
    let number = rand::random::<u32>();
    let reference = format!("{:04X}-{:04X}", number >> 16, number & 0xffff);
    tracing::error!(reference, error = chain(error), "a request failed");
    reference
}

async fn tell(request: &HttpRequest, error: &WebError, status: StatusCode) -> HttpResponse {
    let reference = matches!(error, WebError::Fault(_)).then(|| reference(error));
    if let WebError::Away(why) = error {
        tracing::debug!(error = why, "a request found the database away");
    }
    let told = match Visit::of(request) {
        Ok(visit) if wants_json(request) => {
            let (text, locale) = (&visit.state.text, visit.locale);
            let problem = Problem::new(error, status, reference, text, locale);
            HttpResponse::build(status)
                .content_type(PROBLEM_JSON)
                .body(serde_json::to_vec(&problem).unwrap_or_default())
        }
        Ok(mut visit) => {
            // There is no page at an address that takes other methods only.
            if let WebError::Method(_) = error {
                "/".clone_into(&mut visit.here);
            }
            let page = page(&visit, error, status, reference).await;
            page.unwrap_or_else(|worse| plain(&worse, status))
        }
        Err(worse) => plain(&worse, status),
    };
    with_headers(told, error)
}

/// The last resort, when not even the page of the error can be made.
fn plain(error: &WebError, status: StatusCode) -> HttpResponse {
    let reference = reference(error);
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .body(format!("{status}\n{reference}\n"))
}

fn with_headers(mut told: HttpResponse, error: &WebError) -> HttpResponse {
    let mut add = |name, value: String| {
        if let Ok(value) = header::HeaderValue::from_str(&value) {
            told.headers_mut().insert(name, value);
        }
    };
    if let Some(seconds) = error.retry_after() {
        add(header::RETRY_AFTER, seconds.to_string());
    }
    match error {
        WebError::Method(allowed) => add(header::ALLOW, allowed.clone()),
        WebError::Unknown => add(header::WWW_AUTHENTICATE, "Bearer".to_owned()),
        WebError::WrongToken => {
            let challenge = r#"Bearer error="invalid_token""#;
            add(header::WWW_AUTHENTICATE, challenge.to_owned());
        }
        _ => {}
    }
    told
}

/// The data of `pages/error`.
#[derive(Serialize)]
struct ErrorPage<'a> {
    status: u16,
    title: String,
    message: String,
    reference: Option<String>,
    retry_after: Option<u64>,
    back: Option<&'a str>,
}

async fn page(
    visit: &Visit,
    error: &WebError,
    status: StatusCode,
    reference: Option<String>,
) -> Answer {
    let text = &visit.state.text;
    let number = match text.has_sentence(&format!("errors.status.{}.title", status.as_u16())) {
        true => status.as_u16(),
        false if status.is_server_error() => 500,
        false => 400,
    };
    let sentence =
        |part| text.sentence(visit.locale, &format!("errors.status.{number}.{part}"), &[]);
    let data = ErrorPage {
        status: status.as_u16(),
        title: sentence("title"),
        message: sentence("message"),
        reference,
        retry_after: error.retry_after(),
        back: FORMS.contains(&visit.path.as_str()).then_some(&visit.path),
    };
    // Where we are at fault already, the page does not ask the database who looks at it.
    let user = match status.is_server_error() {
        true => None,
        // On its own, as in `complete`.
        false => {
            let visit = visit.clone();
            let asked = rt::spawn(async move { visit.user().await });
            asked.await.ok().and_then(Result::ok).flatten()
        }
    };
    visit.page_with(status, user.as_ref(), "pages/error", &data)
}

/// Whether a program asks: at its addresses, or in so many words.
fn wants_json(request: &HttpRequest) -> bool {
    let path = request.path();
    let accepted = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accepted| accepted.to_str().ok())
        .unwrap_or_default();
    let asks = ["application/json", PROBLEM_JSON, "text/event-stream"];
    path.starts_with("/api/")
        || matches!(path, "/healthz" | "/readyz" | "/metrics")
        || (asks.iter().any(|json| accepted.contains(json)) && !accepted.contains("text/html"))
}

/// An error and all that caused it.
fn chain(error: &dyn StdError) -> String {
    let mut said = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some errors repeat what caused them.
        let this = error.to_string();
        if said.last() != Some(&this) {
            said.push(this);
        }
        cause = error.source();
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        middleware::from_fn,
        test::{self, TestRequest},
    };

    use super::*;

    #[actix_web::test]
    async fn a_panic_is_an_answer_like_any_other_and_other_methods_are_told_which_are_taken() {
        use crate::web::route::at;

        let broken = || async {
            match std::hint::black_box(true) {
                true => panic!("broken"),
                false => no_such_page().await,
            }
        };
        let app = App::new().service(at("/broken").get(broken));
        let app = test::init_service(app.wrap(from_fn(answer))).await;

        let answer = test::call_service(&app, TestRequest::get().uri("/broken").to_request()).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let told = test::read_body(answer).await;
        assert!(!told.windows(6).any(|part| part == b"broken"), "{told:?}");

        let answer =
            test::call_service(&app, TestRequest::post().uri("/broken").to_request()).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers().get(header::ALLOW).unwrap(), "GET, HEAD");
    }

    #[test]
    fn programs_get_json_and_browsers_pages() {
        let asks = |path: &str, accept: &str| {
            let request = TestRequest::with_uri(path).insert_header((header::ACCEPT, accept));
            wants_json(&request.to_http_request())
        };
        assert!(asks("/api/v1/jobs", "*/*"));
        assert!(asks("/signup", "application/json"));
        assert!(asks("/account/events", "text/event-stream"));
        assert!(!asks("/signup", "*/*"));
        assert!(!asks(
            "/signup",
            "text/html,application/xhtml+xml,application/json;q=0.1"
        ));
        assert!(!asks("/apis", ""));
    }

    #[test]
    fn the_log_has_every_cause_once() {
        let inner = std::io::Error::other("disk full");
        let error = WebError::Fault(Box::new(inner));
        assert_eq!(chain(&error), "disk full");
    }
}
