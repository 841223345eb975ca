//! What a sign-up set in motion, for whoever holds its receipt.

use actix_web::{http::header, web};
use serde::Serialize;

use crate::{
    account::Token,
    store::Receipt,
    text::Locale,
    web::{
        Answer, State, WebError,
        jobs::{self, Jobs},
        live::{self, Snapshot},
        news::{News, Topic},
        seats::Seats,
        visit::Visit,
    },
};

/// The data of `pages/receipt`; the instant in microseconds.
#[derive(Serialize)]
struct ReceiptPage<'a> {
    username: &'a str,
    jobs: Vec<jobs::Line>,
    events_url: String,
    finished: bool,
    now: i64,
}

/// `GET /signup/{receipt}`
pub async fn show(visit: Visit, receipt: web::Path<String>) -> Answer {
    let found = find(&visit.state, &receipt)
        .await?
        .ok_or(WebError::NotFound)?;
    let user = visit.user().await?;
    let data = ReceiptPage {
        username: &found.username,
        jobs: jobs::lines(
            &found.jobs,
            &found.in_doubt,
            &visit.state.text,
            visit.locale,
        ),
        events_url: format!("/signup/{}/events", found.receipt),
        finished: !jobs::any_live(&found.jobs),
        now: visit.state.clock.now().as_microsecond(),
    };
    let mut page = visit.page(user.as_ref(), "pages/receipt", &data)?;
    // Its address is all that keeps it from others.
    let noindex = header::HeaderValue::from_static("noindex, nofollow");
    page.headers_mut()
        .insert(header::HeaderName::from_static("x-robots-tag"), noindex);
    Ok(page)
}

/// `GET /signup/{receipt}/events`
pub async fn events(
    visit: Visit,
    receipt: web::Path<String>,
    seats: web::Data<Seats>,
    news: web::Data<News>,
) -> Answer {
    let found = find(&visit.state, &receipt)
        .await?
        .ok_or(WebError::NotFound)?;
    let (state, locale, receipt) = (visit.state.clone(), visit.locale, found.receipt);
    let look = move || {
        let (state, receipt) = (state.clone(), receipt.clone());
        async move { look(&state, &receipt, locale).await }
    };
    let news = news.about(Topic::Signup(found.signup));
    Ok(live::stream(&visit.state, seats.take(), news, look))
}

/// The sign-up with this receipt; what cannot be one is not asked about.
pub async fn find(state: &State, receipt: &str) -> Result<Option<Receipt>, WebError> {
    match Token::parse(receipt) {
        Some(receipt) => Ok(state.store.receipt(receipt.as_str()).await?),
        None => Ok(None),
    }
}

async fn look(state: &State, receipt: &str, locale: Locale) -> Result<Option<Snapshot>, WebError> {
    let Some(found) = find(state, receipt).await? else {
        return Ok(None);
    };
    let data = Jobs {
        jobs: jobs::lines(&found.jobs, &found.in_doubt, &state.text, locale),
    };
    Ok(Some(Snapshot {
        html: state.text.render("partials/jobs", locale, &data)?,
        ended: !jobs::any_live(&found.jobs),
    }))
}
