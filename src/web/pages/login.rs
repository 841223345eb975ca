//! Log-in and log-out.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, ResponseError,
    http::{StatusCode, header},
    web,
};
use serde::{Deserialize, Serialize};

use crate::{
    actors::{Door, Held, LoggedIn},
    web::{
        Answer, WebError, failure, next, session,
        view::see_other,
        visit::Visit,
        wrong::{Wrong, by_field},
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
    errors: Vec<Wrong>,
    field_errors: BTreeMap<&'static str, Vec<String>>,
    error: Option<String>,
    notice: Option<String>,
    retry_after: Option<u64>,
    next: Option<&'a str>,
}

#[derive(Serialize)]
struct Kept<'a> {
    login: &'a str,
}

impl<'a> LoginPage<'a> {
    /// The form with what is wrong with its fields, and nothing said of the whole.
    fn new(login: &'a str, next: Option<&'a str>, errors: Vec<Wrong>) -> Self {
        LoginPage {
            form: Kept { login },
            field_errors: by_field(["login", "password"], &errors),
            errors,
            error: None,
            notice: None,
            retry_after: None,
            next,
        }
    }
}

/// `GET /login`
pub async fn show(visit: Visit, query: web::Query<Query>) -> Answer {
    let next = query.next.as_deref().and_then(next::path);
    if visit.user().await.unwrap_or_default().is_some() {
        return Ok(see_other(next.unwrap_or("/")));
    }
    let page = LoginPage {
        notice: next.map(|_| visit.sentence("login.required", &[])),
        ..LoginPage::new("", next, Vec::new())
    };
    visit.page(None, "pages/login", &page)
}

/// `POST /login`
pub async fn submit(visit: Visit, request: HttpRequest, form: web::Form<Form>) -> Answer {
    let form = form.into_inner();
    let next = form.next.as_deref().and_then(next::path);
    let missing = missing(&visit, &form);
    if !missing.is_empty() {
        let page = LoginPage::new(&form.login, next, missing);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return visit.page_with(status, None, "pages/login", &page);
    }
    let held = Held {
        session: visit.token.clone(),
        browser: session::browser(&request, &visit.state.base_url),
    };
    match log_in(&visit, &form.login, form.password, &held).await {
        Ok(logged_in) => {
            let mut answer = see_other(next.unwrap_or("/"));
            let state = &visit.state;
            for cookie in session::cookies(&logged_in, state.clock.now(), &state.base_url) {
                let added = answer.add_cookie(&cookie);
                added.map_err(|error| WebError::fault(error.to_string()))?;
            }
            Ok(answer)
        }
        Err(error) => refused(&visit, &form.login, next, &error).await,
    }
}

/// What was left empty. Nobody needs to be asked whether it is right.
fn missing(visit: &Visit, form: &Form) -> Vec<Wrong> {
    let ask = |field, key| Wrong {
        field,
        message: visit.sentence(key, &[]),
    };
    let mut missing = Vec::new();
    if form.login.trim().is_empty() {
        missing.push(ask("login", "errors.login.required"));
    }
    if form.password.is_empty() {
        missing.push(ask("password", "errors.login.password_required"));
    }
    missing
}

async fn log_in(
    visit: &Visit,
    login: &str,
    password: String,
    held: &Held,
) -> Result<LoggedIn, WebError> {
    let registrar = &visit.state.registrar;
    // Nobody is called so, and no database would look for it.
    let login = if login.contains('\0') { "" } else { login };
    registrar.admit(Door::LogIn, visit.address).await?;
    Ok(registrar.log_in(login, password, Some(held)).await?)
}

/// The form once more. What the visitor typed is the same to a wrong name and a wrong password.
async fn refused(visit: &Visit, login: &str, next: Option<&str>, error: &WebError) -> Answer {
    let retry_after = error.retry_after();
    let seconds = retry_after.unwrap_or_default().to_string();
    let say = |key, args: &[(&str, &str)]| Some(visit.sentence(key, args));
    let (wrong, notice) = match error {
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
        error: wrong,
        notice,
        retry_after,
        ..LoginPage::new(login, next, Vec::new())
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
