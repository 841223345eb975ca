//! A request, as the handlers see it: who asks, from where, in which language.

use std::{
    future::{Ready, ready},
    net::{IpAddr, Ipv4Addr},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};

use super::{State, WebError, client, session};
use crate::{
    account::{Token, User},
    text::Locale,
};

/// The cookie that keeps a visitor's choice of language.
pub const LOCALE_COOKIE: &str = "cadastro_locale";

/// Pages that take what is typed into them.
pub const FORMS: [&str; 2] = ["/signup", "/login"];

/// One request.
#[derive(Clone)]
pub struct Visit {
    pub state: web::Data<State>,
    pub locale: Locale,
    pub path: String,
    /// Where the visitor returns after choosing a language: this page, or else one that can be loaded.
    pub here: String,
    /// Whose tries are counted.
    pub address: IpAddr,
    /// Whether it comes from one of this machine's own addresses, as far as can be told: a proxy on this
    /// machine that leaves no trace of itself looks the same.
    pub local: bool,
    /// Whether it names this machine by an address or a name that no other site could have.
    ///
    /// A site may point a name of its own at this machine and so read our pages as if they were its own.
    pub by_own_name: bool,
    /// What the browser holds; whether it is still worth anything, the store knows.
    pub token: Option<Token>,
}

impl Visit {
    /// Reads what the head of a request says.
    pub fn of(request: &HttpRequest) -> Result<Self, WebError> {
        let state = request
            .app_data::<web::Data<State>>()
            .ok_or_else(|| WebError::fault("the server was started without its state"))?
            .clone();
        let (address, local) = client::of(request, &state.config.trusted_proxies);
        let host = client::host(request);
        let by_proxy = host.is_some_and(|host| client::is_proxys_name(host, &state.base_url));
        Ok(Visit {
            locale: locale(request, state.config.locale),
            path: request.path().to_owned(),
            here: here(request).to_owned(),
            address: address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            local: local && !by_proxy,
            by_own_name: host.is_some_and(|host| client::is_own_name(host, &state.base_url)),
            token: session::token(request, &state.base_url),
            state,
        })
    }

    /// Whoever is logged in.
    pub async fn user(&self) -> Result<Option<User>, WebError> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let now = self.state.clock.now();
        let session = self.state.store.session(&token.hash(), now).await?;
        Ok(session.map(|session| session.user))
    }
}

impl FromRequest for Visit {
    type Error = WebError;
    type Future = Ready<Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Visit::of(request))
    }
}

/// What a form is answered with stands at the form's own address, if it is a page at all.
fn here(request: &HttpRequest) -> &str {
    let path = request.path();
    match request.method().is_safe() {
        true => {
            let whole = request.uri().path_and_query();
            whole.map_or(path, |whole| whole.as_str())
        }
        false if FORMS.contains(&path) => path,
        false => "/",
    }
}

/// The language: the one chosen, else the best of those the browser asks for, else the default.
fn locale(request: &HttpRequest, default: &str) -> Locale {
    let chosen = request
        .cookie(LOCALE_COOKIE)
        .and_then(|cookie| cookie.value().parse().ok());
    chosen.unwrap_or_else(|| {
        let asked = request.headers().get(header::ACCEPT_LANGUAGE);
        let asked = asked.and_then(|languages| languages.to_str().ok());
        Locale::negotiate(asked, default.parse().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use actix_web::{cookie::Cookie, test::TestRequest};

    use super::*;

    fn chosen(cookie: Option<&'static str>, languages: Option<&str>, default: &str) -> Locale {
        let mut request = TestRequest::default();
        if let Some(value) = cookie {
            request = request.cookie(Cookie::new(LOCALE_COOKIE, value));
        }
        if let Some(languages) = languages {
            request = request.insert_header((header::ACCEPT_LANGUAGE, languages));
        }
        locale(&request.to_http_request(), default)
    }

    #[test]
    fn the_cookie_beats_the_browser_and_the_browser_the_default() {
        assert_eq!(chosen(Some("pt-BR"), Some("en"), "en"), Locale::PtBr);
        assert_eq!(chosen(None, Some("pt-PT"), "en"), Locale::PtBr);
        assert_eq!(chosen(None, None, "en"), Locale::En);
        assert_eq!(chosen(None, Some("de"), "pt-BR"), Locale::PtBr);
    }

    #[test]
    fn a_visitor_returns_to_a_page_that_can_be_loaded() {
        for (request, expected) in [
            (
                TestRequest::get().uri("/login?next=/a?b"),
                "/login?next=/a?b",
            ),
            (TestRequest::get().uri("/signup/x?still"), "/signup/x?still"),
            (TestRequest::post().uri("/login?next=/"), "/login"),
            (TestRequest::post().uri("/logout"), "/"),
            (TestRequest::delete().uri("/"), "/"),
        ] {
            assert_eq!(here(&request.to_http_request()), expected);
        }
    }

    #[test]
    fn a_cookie_that_names_no_language_of_ours_counts_as_none() {
        assert_eq!(chosen(Some("tlh"), Some("en"), "pt-BR"), Locale::En);
    }
}
