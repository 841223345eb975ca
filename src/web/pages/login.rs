//! Log-in and log-out.

use actix_web::{ResponseError, http::header, web};
use serde::{Deserialize, Serialize};

use crate::{
    actors::Door,
    web::{
        Answer, WebError, error::whole_seconds, failure, next, session, view::see_other,
        visit::Visit,
    },
};

/// What the address may say.
#[derive(Deserialize)]
pub struct Query {
    next: Option<String>,
}

/// What the browser sends. A field that is missing counts as empty.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Form {
    login: String,
    password: String,
    next: Option<String>,
}

/// The data of `pages/login`.
#[derive(Serialize)]
struct LoginPage<'a> {
    form: Kept<'a>,
    error: Option<String>,
    notice: Option<String>,
    retry_after: Option<u64>,
    next: Option<&'a str>,
}

#[derive(Serialize)]
struct Kept<'a> {
    login: &'a str,
}

/// `GET /login`
pub async fn show(visit: Visit, query: web::Query<Query>) -> Answer {
    let next = query.next.as_deref().and_then(next::path);
    if visit.user().await.unwrap_or_default().is_some() {
        return Ok(see_other(next.unwrap_or("/")));
    }
    let page = LoginPage {
        form: Kept { login: "" },
        error: None,
        notice: next.map(|_| visit.sentence("login.required", &[])),
        retry_after: None,
        next,
    };
    visit.page(None, "pages/login", &page)
}

/// `POST /login`
pub async fn submit(visit: Visit, form: web::Form<Form>) -> Answer {
    let form = form.into_inner();
    let next = form.next.as_deref().and_then(next::path);
    match log_in(&visit, &form.login, form.password).await {
        Ok(cookie) => {
            let mut answer = see_other(next.unwrap_or("/"));
            let added = answer.add_cookie(&cookie);
            added.map_err(|error| WebError::fault(error.to_string()))?;
            Ok(answer)
        }
        Err(error) => refused(&visit, &form.login, next, &error).await,
    }
}

async fn log_in(
    visit: &Visit,
    login: &str,
    password: String,
) -> Result<actix_web::cookie::Cookie<'static>, WebError> {
    let state = &visit.state;
    state.registrar.admit(Door::LogIn, visit.address).await?;
    let replaced = visit.token.as_ref();
    let session = state.registrar.log_in(login, password, replaced).await?;
    let lasts = session.expires_at.duration_since(state.clock.now());
    let lasts = whole_seconds(lasts.try_into().unwrap_or_default());
    Ok(session::cookie(&session.token, lasts, &state.base_url))
}

/// The form once more. What the visitor typed is the same to a wrong name and a wrong password.
async fn refused(visit: &Visit, login: &str, next: Option<&str>, error: &WebError) -> Answer {
    let retry_after = error.retry_after();
    let seconds = retry_after.unwrap_or_default().to_string();
    let say = |key, args: &[(&str, &str)]| Some(visit.sentence(key, args));
    let (wrong, notice) = match error {
        WebError::WrongPassword if login.trim().is_empty() => {
            (say("errors.login.required", &[]), None)
        }
        WebError::WrongPassword => (say("login.wrong", &[]), None),
        WebError::Throttled(_) => (None, say("errors.throttled", &[("seconds", &seconds)])),
        WebError::Busy => (None, say("errors.busy", &[])),
        WebError::Away(why) => {
            tracing::warn!(error = why, "a log-in found the database away");
            (None, say("errors.away_login", &[]))
        }
        other => {
            let reference = failure::reference(other);
            (
                None,
                say("errors.unexpected_reference", &[("reference", &reference)]),
            )
        }
    };
    let page = LoginPage {
        form: Kept { login },
        error: wrong,
        notice,
        retry_after,
        next,
    };
    let mut answer = visit.page_with(error.status_code(), None, "pages/login", &page)?;
    if let Some(seconds) = retry_after {
        let seconds = header::HeaderValue::from(seconds);
        answer.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    Ok(answer)
}

/// `POST /logout`
pub async fn leave(visit: Visit) -> Answer {
    let state = &visit.state;
    if let (Some(user), Some(token)) = (visit.user().await?, &visit.token) {
        // One that another tab has just ended is ended too.
        state.registrar.log_out(user.id, token).await?;
    }
    let mut answer = see_other("/");
    let added = answer.add_cookie(&session::no_cookie(&state.base_url));
    added.map_err(|error| WebError::fault(error.to_string()))?;
    Ok(answer)
}
