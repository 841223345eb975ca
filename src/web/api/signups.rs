//! `/api/v1/signups`: a sign-up by a program, and what became of it.

use actix_web::{Error, HttpRequest, HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    store::JobRow,
    text::Locale,
    web::{
        Answer, WebError,
        jobs::JobJson,
        pages::receipt,
        sign_up::{self, Typed},
        visit::Visit,
    },
};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// What a program sends. A field that is missing counts as empty.
#[derive(Deserialize, ToSchema)]
pub struct Signup {
    #[serde(default)]
    #[schema(required, example = "maria")]
    username: String,
    #[serde(default)]
    #[schema(required, example = "maria@example.com")]
    email: String,
    #[serde(default)]
    #[schema(required, example = "tulipa janela quarenta")]
    password: String,
    /// The language of the letters; otherwise the request's.
    locale: Option<Locale>,
}

/// A sign-up and its jobs.
#[derive(Serialize, ToSchema)]
struct Accepted<'a> {
    receipt: &'a str,
    status_url: &'a str,
    jobs: Vec<JobJson>,
}

/// Signs somebody up.
///
/// A taken address is answered like a new one; its owner gets a letter.
#[utoipa::path(
    post,
    path = "/api/v1/signups",
    security(()),
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the first answer comes again.",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body = Signup,
    responses(
        (status = ACCEPTED, body = Accepted, headers(("Location" = String, description = "Where to ask how it goes on."))),
        (status = TOO_MANY_REQUESTS),
    ),
)]
pub async fn create(
    visit: Visit,
    request: HttpRequest,
    signup: Result<web::Json<Signup>, Error>,
) -> Result<HttpResponse, Error> {
    let read = signup.and_then(|signup| Ok((signup.into_inner(), key(&request)?)));
    let (signup, key) = read.inspect_err(|_| sign_up::count_unreadable(&visit))?;
    let typed = Typed {
        username: signup.username,
        email: signup.email,
        password: signup.password,
        confirmation: None,
        locale: signup.locale.unwrap_or(visit.locale),
    };
    let signed_up = sign_up::sign_up(&visit, typed, key).await?;
    let status_url = status_url(&signed_up.receipt);
    Ok(HttpResponse::Accepted()
        .insert_header((header::LOCATION, status_url.as_str()))
        .json(accepted(&signed_up.receipt, &status_url, &signed_up.jobs)))
}

/// What became of a sign-up.
#[utoipa::path(get, path = "/api/v1/signups/{receipt}", security(()), responses((status = OK, body = Accepted)))]
pub async fn show(visit: Visit, receipt: web::Path<String>) -> Answer {
    let found = receipt::find(&visit.state, &receipt).await?;
    let found = found.ok_or(WebError::NotFound)?;
    let status_url = status_url(&found.receipt);
    Ok(HttpResponse::Ok().json(accepted(&found.receipt, &status_url, &found.jobs)))
}

fn status_url(receipt: &str) -> String {
    format!("/api/v1/signups/{receipt}")
}

fn accepted<'a>(receipt: &'a str, status_url: &'a str, jobs: &[JobRow]) -> Accepted<'a> {
    Accepted {
        receipt,
        status_url,
        jobs: jobs.iter().map(JobJson::from).collect(),
    }
}

fn key(request: &HttpRequest) -> Result<Option<String>, WebError> {
    let Some(key) = request.headers().get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if sign_up::is_key(key) => Ok(Some(key.to_owned())),
        _ => Err(WebError::Unreadable(
            "the header Idempotency-Key has to be 1 to 255 visible ASCII characters".to_owned(),
        )),
    }
}
