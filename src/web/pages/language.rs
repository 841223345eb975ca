//! `POST /language`: a visitor's choice, kept in a cookie.

use actix_web::{
    cookie::{Cookie, time},
    web,
};
use serde::Deserialize;

use crate::{
    text::Locale,
    web::{
        Answer, WebError, next, session,
        view::see_other,
        visit::{LOCALE_COOKIE, Visit},
    },
};

const A_YEAR: time::Duration = time::Duration::days(365);

/// What the browser sends.
#[derive(Deserialize)]
pub struct Form {
    locale: Locale,
    #[serde(default)]
    next: String,
}

/// Keeps the choice and shows the same page again.
pub async fn choose(visit: Visit, form: web::Form<Form>) -> Answer {
    let cookie = Cookie::new(LOCALE_COOKIE, form.locale.tag());
    let cookie = session::kept(cookie, A_YEAR, &visit.state.base_url);
    let mut answer = see_other(next::path(&form.next).unwrap_or("/"));
    let added = answer.add_cookie(&cookie);
    added.map_err(|error| WebError::fault(error.to_string()))?;
    Ok(answer)
}
