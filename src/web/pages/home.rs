//! The first page; for somebody who is logged in, their account.

use actix_web::web;
use serde::Serialize;

use crate::{
    account::User,
    web::{
        Answer, WebError,
        jobs::{self, Jobs},
        live::{self, Snapshot},
        news::{News, Topic},
        seats::Seats,
        view::Nothing,
        visit::Visit,
    },
};

/// So many of the newest jobs are shown.
const JOBS: i64 = 50;

/// The data of `pages/account`; instants in microseconds.
#[derive(Serialize)]
struct Account<'a> {
    user: Details<'a>,
    jobs: Vec<jobs::Line>,
    events_url: &'static str,
    live: bool,
    now: i64,
}

#[derive(Serialize)]
struct Details<'a> {
    username: &'a str,
    email: String,
    created_at: i64,
}

/// `GET /`
pub async fn show(visit: Visit) -> Answer {
    match visit.user().await? {
        Some(user) => account(&visit, &user).await,
        None => visit.page(None, "pages/home", &Nothing {}),
    }
}

async fn account(visit: &Visit, user: &User) -> Answer {
    let state = &visit.state;
    let seen = state.store.jobs_of_user(user.id, JOBS).await?;
    let data = Account {
        user: Details {
            username: &user.username,
            email: user.shown_email(),
            created_at: user.created_at.as_microsecond(),
        },
        jobs: jobs::lines(&seen.jobs, &seen.in_doubt, &state.text, visit.locale),
        events_url: "/account/events",
        live: jobs::any_live(&seen.jobs),
        now: state.clock.now().as_microsecond(),
    };
    visit.page(Some(user), "pages/account", &data)
}

/// `GET /account/events`
pub async fn events(visit: Visit, seats: web::Data<Seats>, news: web::Data<News>) -> Answer {
    let user = visit.user().await?.ok_or(WebError::Unknown)?.id;
    let seat = seats.take(visit.address);
    let state = visit.state.clone();
    let look = move || {
        let visit = visit.clone();
        async move { look(&visit).await }
    };
    let news = news.about(Topic::User(user));
    Ok(live::stream(&state, seat, news, look))
}

/// Nothing any more, once the visitor has logged out or the session is over.
async fn look(visit: &Visit) -> Result<Option<Snapshot>, WebError> {
    let Some(user) = visit.user().await? else {
        return Ok(None);
    };
    let state = &visit.state;
    let seen = state.store.jobs_of_user(user.id, JOBS).await?;
    let data = Jobs {
        jobs: jobs::lines(&seen.jobs, &seen.in_doubt, &state.text, visit.locale),
    };
    Ok(Some(Snapshot {
        html: state.text.render("partials/jobs", visit.locale, &data)?,
        // An account goes on.
        end: (!jobs::any_live(&seen.jobs)).then(String::new),
    }))
}
