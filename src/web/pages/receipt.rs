//! What a sign-up set in motion, for whoever holds its receipt.

use actix_web::{http::header, web};
use serde::Serialize;

use crate::{
    account::Token,
    store::Receipt,
    text::Locale,
    web::{
        Answer, State, WebError,
        finale::{self, Ended, Finale},
        jobs::{self, Jobs},
        live::{self, Snapshot},
        news::{News, Topic},
        refresh::{self, Wish},
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
    finale: Option<Finale>,
    /// Whether the visitor has stopped it from coming again.
    still: bool,
    refresh: Option<u64>,
    now: i64,
}

/// `GET /signup/{receipt}`
pub async fn show(visit: Visit, receipt: web::Path<String>, wish: web::Query<Wish>) -> Answer {
    let found = find(&visit.state, &receipt)
        .await?
        .ok_or(WebError::NotFound)?;
    let user = visit.user().await?;
    let now = visit.state.clock.now();
    let refresh = refresh::after(&found.jobs, now);
    let data = ReceiptPage {
        username: &found.username,
        jobs: jobs::lines(
            &found.jobs,
            &found.in_doubt,
            &visit.state.text,
            visit.locale,
        ),
        events_url: format!("/signup/{}/events", found.receipt),
        finale: finale::of(&found.jobs),
        still: wish.is_still(),
        refresh: refresh.filter(|_| !wish.is_still()),
        now: now.as_microsecond(),
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
    Ok(live::stream(
        &visit.state,
        seats.take(visit.address),
        news,
        look,
    ))
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
    let end = finale::of(&found.jobs).map(|finale| {
        let data = Ended { finale };
        state.text.render("partials/finale", locale, &data)
    });
    Ok(Some(Snapshot {
        html: state.text.render("partials/jobs", locale, &data)?,
        end: end.transpose()?,
    }))
}
