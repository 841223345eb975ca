//! Template, language and visitor to a page.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde::Serialize;

use super::{Answer, WebError, visit::Visit};
use crate::account::User;

/// What every page is filled with.
#[derive(Serialize)]
struct Page<'a, D> {
    path: &'a str,
    here: &'a str,
    visitor: Option<Visitor<'a>>,
    /// Whether the footer leads to the built-in mailbox.
    mailbox: bool,
    #[serde(flatten)]
    data: &'a D,
}

#[derive(Serialize)]
struct Visitor<'a> {
    username: &'a str,
    operator: bool,
}

/// For pages that need nothing but who looks at them.
#[derive(Serialize)]
pub struct Nothing {}

impl Visit {
    /// A page, as `user` sees it.
    pub fn page(&self, user: Option<&User>, template: &str, data: &impl Serialize) -> Answer {
        self.page_with(StatusCode::OK, user, template, data)
    }

    /// The same, with another status.
    pub fn page_with(
        &self,
        status: StatusCode,
        user: Option<&User>,
        template: &str,
        data: &impl Serialize,
    ) -> Answer {
        Ok(self.answer(status, self.html(user, template, data)?))
    }

    /// A page's text.
    pub fn html(
        &self,
        user: Option<&User>,
        template: &str,
        data: &impl Serialize,
    ) -> Result<String, WebError> {
        let page = Page {
            path: &self.path,
            here: &self.here,
            visitor: user.map(|user| Visitor {
                username: &user.username,
                operator: user.operator,
            }),
            mailbox: self.may_see_mailbox(user),
            data,
        };
        Ok(self.state.text.render(template, self.locale, &page)?)
    }

    /// The answer that a page's text is.
    pub fn answer(&self, status: StatusCode, html: String) -> HttpResponse {
        HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_LANGUAGE, self.locale.tag()))
            .body(html)
    }

    /// The built-in mailbox is there where letters have no other way to go, for those who sit at
    /// this machine and for operators.
    pub fn may_see_mailbox(&self, user: Option<&User>) -> bool {
        let here = self.local && self.by_own_name;
        self.state.config.smtp_url.is_none() && (here || user.is_some_and(|user| user.operator))
    }

    /// A sentence in the visitor's language.
    pub fn sentence(&self, key: &str, args: &[(&str, &str)]) -> String {
        self.state.text.sentence(self.locale, key, args)
    }
}

/// Sends the visitor on, after a form, to a page that can be loaded again.
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, path))
        .finish()
}
