//! The first page; for somebody who is logged in, their account.

use actix_web::web;
use serde::Serialize;

use crate::{
    account::{User, UserId},
    web::{
        Answer, State, WebError,
        jobs::{self, Jobs},
        live::{self, Snapshot},
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
pub async fn events(visit: Visit, seats: web::Data<Seats>) -> Answer {
    let user = visit.user().await?.ok_or(WebError::Unknown)?.id;
    let (state, locale) = (visit.state.clone(), visit.locale);
    let look = move || {
        let state = state.clone();
        async move { look(&state, user, locale).await.map(Some) }
    };
    let concerns = move |change: &crate::actors::Change| change.user == Some(user.0);
    Ok(live::stream(&visit.state, seats.take()?, concerns, look))
}

async fn look(
    state: &State,
    user: UserId,
    locale: crate::text::Locale,
) -> Result<Snapshot, WebError> {
    let seen = state.store.jobs_of_user(user, JOBS).await?;
    let data = Jobs {
        jobs: jobs::lines(&seen.jobs, &seen.in_doubt, &state.text, locale),
    };
    Ok(Snapshot {
        html: state.text.render("partials/jobs", locale, &data)?,
        ended: !jobs::any_live(&seen.jobs),
    })
}
