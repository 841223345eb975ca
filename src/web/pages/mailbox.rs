//! The built-in mailbox: the letters, where no mail server is set.

use actix_web::{HttpResponse, http::header, web};
use serde::Serialize;

use crate::{
    account::User,
    store::NewLetter,
    web::{Answer, WebError, visit::Visit},
};

/// So many of the newest letters are listed.
const LETTERS: i64 = 200;

/// A letter's own styles and nothing from anywhere; it may not run or send anything. Its links open pages of
/// their own, which are none of the letter: the frame in `pages/letter` says the same, and both have to.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                      frame-ancestors 'self'; base-uri 'none'; form-action 'none'; \
                      sandbox allow-popups allow-popups-to-escape-sandbox";

/// The data of `pages/mailbox`; instants in microseconds.
#[derive(Serialize)]
struct MailboxPage {
    letters: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: i64,
    to: String,
    subject: String,
    sent_at: i64,
}

/// The data of `pages/letter`; the instant in microseconds.
#[derive(Serialize)]
struct LetterPage {
    letter: Letter,
}

#[derive(Serialize)]
struct Letter {
    id: i64,
    to: String,
    from: String,
    subject: String,
    sent_at: i64,
    message_id: String,
    text: String,
    html_url: Option<String>,
    raw_url: Option<String>,
}

/// `GET /dev/mailbox`
pub async fn list(visit: Visit) -> Answer {
    let user = admit(&visit).await?;
    let letters = visit.state.store.letters(LETTERS).await?;
    let letters = letters
        .into_iter()
        .map(|letter| Line {
            id: letter.id,
            to: letter.recipient,
            subject: letter.subject,
            sent_at: letter.sent_at.as_microsecond(),
        })
        .collect();
    visit.page(user.as_ref(), "pages/mailbox", &MailboxPage { letters })
}

/// `GET /dev/mailbox/{id}`
pub async fn show(visit: Visit, id: web::Path<i64>) -> Answer {
    let user = admit(&visit).await?;
    let letter = find(&visit, *id).await?;
    let html = !letter.html.is_empty();
    let letter = Letter {
        id: *id,
        to: letter.recipient,
        from: letter.sender,
        subject: letter.subject,
        sent_at: letter.sent_at.as_microsecond(),
        message_id: letter.message_id,
        text: letter.text,
        html_url: html.then(|| format!("/dev/mailbox/{id}/html")),
        raw_url: Some(format!("/dev/mailbox/{id}/raw")),
    };
    visit.page(user.as_ref(), "pages/letter", &LetterPage { letter })
}

/// `GET /dev/mailbox/{id}/html`
pub async fn html(visit: Visit, id: web::Path<i64>) -> Answer {
    admit(&visit).await?;
    let letter = find(&visit, *id).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(letter.html))
}

/// `GET /dev/mailbox/{id}/raw`
pub async fn raw(visit: Visit, id: web::Path<i64>) -> Answer {
    admit(&visit).await?;
    let letter = find(&visit, *id).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(letter.source))
}

async fn find(visit: &Visit, id: i64) -> Result<NewLetter, WebError> {
    let found = visit.state.store.letter(id).await?;
    Ok(found.ok_or(WebError::NotFound)?.letter)
}

/// To everybody else there is no such page.
async fn admit(visit: &Visit) -> Result<Option<User>, WebError> {
    let user = visit.user().await?;
    match visit.may_see_mailbox(user.as_ref()) {
        true => Ok(user),
        false => Err(WebError::NotFound),
    }
}
