//! The cookies of whoever is logged in, and of a browser in which somebody was: they hold tokens, of which the
//! store knows only hashes.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time},
};
use jiff::Timestamp;
use url::Url;

use super::error::whole_seconds;
use crate::{
    account::Token,
    actors::{Given, LoggedIn},
};

/// Holds the token of a session.
const SESSION: &str = "cadastro_session";

/// Holds the token by which a browser is known after the session.
const BROWSER: &str = "cadastro_browser";

/// Over https the prefix makes browsers refuse a cookie from any other host or an unsafe connection.
const SECURE: &str = "__Host-";

/// The session's token, if the browser sent one along.
pub fn token(request: &HttpRequest, base_url: &Url) -> Option<Token> {
    held(SESSION, request, base_url)
}

/// The browser's own token, likewise.
pub fn browser(request: &HttpRequest, base_url: &Url) -> Option<Token> {
    held(BROWSER, request, base_url)
}

fn held(cookie: &str, request: &HttpRequest, base_url: &Url) -> Option<Token> {
    Token::parse(request.cookie(&name(cookie, base_url))?.value())
}

/// The two cookies of somebody who has just logged in, for as long as each lasts from now on.
pub fn cookies(logged_in: &LoggedIn, now: Timestamp, base_url: &Url) -> [Cookie<'static>; 2] {
    let LoggedIn {
        session, browser, ..
    } = logged_in;
    [(SESSION, session), (BROWSER, browser)]
        .map(|(cookie, given)| holding(cookie, given, now, base_url))
}

fn holding(cookie: &str, given: &Given, now: Timestamp, base_url: &Url) -> Cookie<'static> {
    let lasts = given.expires_at.duration_since(now);
    let lasts = whole_seconds(lasts.try_into().unwrap_or_default());
    let lasts = time::Duration::seconds(i64::try_from(lasts).unwrap_or(i64::MAX));
    let token = given.token.as_str().to_owned();
    kept(Cookie::new(name(cookie, base_url), token), lasts, base_url)
}

/// What makes the browser forget its session.
pub fn no_cookie(base_url: &Url) -> Cookie<'static> {
    let mut cookie = kept(
        Cookie::new(name(SESSION, base_url), ""),
        time::Duration::ZERO,
        base_url,
    );
    cookie.make_removal();
    cookie
}

/// A cookie for our own pages, which no script reads and no other site's form sends along.
pub fn kept(mut cookie: Cookie<'static>, lasts: time::Duration, base_url: &Url) -> Cookie<'static> {
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(is_secure(base_url));
    cookie.set_max_age(lasts);
    cookie
}

/// Whether visitors come over https.
pub fn is_secure(base_url: &Url) -> bool {
    base_url.scheme() == "https"
}

fn name(cookie: &str, base_url: &Url) -> String {
    match is_secure(base_url) {
        true => format!("{SECURE}{cookie}"),
        false => cookie.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn written(base_url: &str) -> String {
        let base_url = Url::parse(base_url).unwrap();
        let (now, minute) = (Timestamp::UNIX_EPOCH, Duration::from_secs(60));
        let given = Given {
            token: Token::parse(&"A".repeat(43)).unwrap(),
            expires_at: now + minute,
        };
        holding(SESSION, &given, now, &base_url).to_string()
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let token = "A".repeat(43);
        assert_eq!(
            written("http://127.0.0.1:8080"),
            format!("cadastro_session={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=60")
        );
    }

    #[test]
    fn under_https_it_is_secure_and_bound_to_the_host() {
        let cookie = written("https://cadastro.example");
        assert!(cookie.starts_with("__Host-cadastro_session="), "{cookie}");
        assert!(cookie.contains("; Secure"), "{cookie}");
    }
}
