//! The sign-up form, its fields, its answer.

use std::collections::BTreeMap;

use actix_web::{
    Error, HttpResponse, ResponseError,
    http::{StatusCode, header},
    web,
};
use serde::{Deserialize, Serialize};

use crate::{
    account::{Field, FieldError, Token, User},
    web::{
        Answer, WebError, failure,
        pages::blank::Blanks,
        problem,
        sign_up::{self, Typed},
        view::see_other,
        visit::Visit,
        wrong::{Wrong, by_field},
    },
};

const TEMPLATE: &str = "pages/signup";

/// What the browser sends. A field that is missing counts as empty.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Form {
    username: String,
    email: String,
    password: String,
    password_confirmation: String,
    idempotency_key: String,
}

/// The data of `pages/signup`.
#[derive(Serialize)]
struct SignupPage<'a> {
    form: Kept<'a>,
    idempotency_key: &'a str,
    password_hint: String,
    errors: Vec<Wrong>,
    field_errors: BTreeMap<&'static str, Vec<String>>,
    notice: Option<String>,
    retry_after: Option<u64>,
}

/// What stays in the form when it comes back: all but the passwords.
#[derive(Default, Serialize)]
struct Kept<'a> {
    username: &'a str,
    email: &'a str,
    /// Whether a password was typed that did not stay.
    #[serde(skip)]
    password: bool,
}

/// `GET /signup`
pub async fn show(visit: Visit, blanks: web::Data<Blanks>) -> Answer {
    // The form needs no database; it is shown without the visitor's name if that one is away.
    let user = visit.user().await.unwrap_or_default();
    let key = Token::random();
    let render = || {
        let page = filled(&visit, Kept::default(), key.as_str(), None);
        visit.html(user.as_ref(), TEMPLATE, &page)
    };
    let html = match user {
        None if visit.here == "/signup" => {
            let look = (visit.locale, visit.may_see_mailbox(None));
            blanks.filled(look, &key, render)
        }
        _ => render(),
    };
    Ok(visit.answer(StatusCode::OK, html?))
}

/// `POST /signup`
pub async fn submit(
    visit: Visit,
    form: Result<web::Form<Form>, Error>,
) -> Result<HttpResponse, Error> {
    let form = form.inspect_err(|_| sign_up::count_unreadable(&visit))?;
    Ok(signed_up(&visit, form.into_inner()).await?)
}

async fn signed_up(visit: &Visit, form: Form) -> Answer {
    let password = !form.password.is_empty();
    let typed = Typed {
        username: form.username.clone(),
        email: form.email.clone(),
        password: form.password,
        confirmation: Some(form.password_confirmation),
        locale: visit.locale,
    };
    let key = Some(form.idempotency_key).filter(|key| sign_up::is_key(key));
    match sign_up::sign_up(visit, typed, key.clone()).await {
        Ok(signed_up) => Ok(see_other(&format!("/signup/{}", signed_up.receipt))),
        Err(error) => {
            let kept = Kept {
                username: &form.username,
                email: &form.email,
                password,
            };
            // The key goes on meaning this form, unless it turned out to mean another.
            let key = key.filter(|_| !matches!(error, WebError::KeyReused));
            let key = key.unwrap_or_else(|| Token::random().as_str().to_owned());
            refused(visit, kept, &key, &error).await
        }
    }
}

/// The form once more, with what was typed and why it came back.
async fn refused(visit: &Visit, kept: Kept<'_>, key: &str, error: &WebError) -> Answer {
    let status = error.status_code();
    let user: Option<User> = match status.is_server_error() {
        true => None,
        false => visit.user().await.unwrap_or_default(),
    };
    let page = filled(visit, kept, key, Some(error));
    let retry_after = page.retry_after;
    let mut answer = visit.page_with(status, user.as_ref(), TEMPLATE, &page)?;
    if let Some(seconds) = retry_after {
        let seconds = header::HeaderValue::from(seconds);
        answer.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    Ok(answer)
}

fn filled<'a>(
    visit: &Visit,
    form: Kept<'a>,
    idempotency_key: &'a str,
    error: Option<&WebError>,
) -> SignupPage<'a> {
    let errors = error.map_or_else(Vec::new, |error| wrong(visit, error));
    let hint = match form.password {
        false => "field.hint.password",
        true => "field.hint.password_again",
    };
    SignupPage {
        form,
        idempotency_key,
        password_hint: visit.sentence(hint, &[]),
        field_errors: by_field(Field::ALL.map(Field::name), &errors),
        errors,
        notice: error.and_then(|error| notice(visit, error)),
        retry_after: error.and_then(WebError::retry_after),
    }
}

/// What is wrong with the fields, in the visitor's language and the order of the form.
fn wrong(visit: &Visit, error: &WebError) -> Vec<Wrong> {
    let WebError::Fields(errors) = error else {
        return Vec::new();
    };
    let tell = |error: &FieldError| Wrong {
        field: error.field.name(),
        message: problem::sentence(error, &visit.state.text, visit.locale),
    };
    errors.iter().map(tell).collect()
}

/// A sentence about the whole form, where it is not a field that is wrong.
fn notice(visit: &Visit, error: &WebError) -> Option<String> {
    let seconds = error.retry_after().unwrap_or_default().to_string();
    let say = |key, args: &[(&str, &str)]| Some(visit.sentence(key, args));
    match error {
        WebError::Fields(_) => None,
        WebError::KeyReused => say("errors.reused", &[]),
        WebError::Throttled(_) => say("errors.throttled", &[("seconds", &seconds)]),
        WebError::Busy => say("errors.busy", &[]),
        WebError::Away(why) => {
            tracing::debug!(error = why, "a sign-up found the database away");
            say("errors.away", &[])
        }
        other if other.status_code() == StatusCode::INTERNAL_SERVER_ERROR => {
            let reference = failure::reference(other);
            say("errors.unexpected_reference", &[("reference", &reference)])
        }
        _ => say("errors.unexpected", &[]),
    }
}
