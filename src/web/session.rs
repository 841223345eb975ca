//! The cookie of whoever is logged in: it holds a token, of which the store knows only a hash.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time},
};
use url::Url;

use crate::account::Token;

/// The cookie's name over plain HTTP.
const PLAIN: &str = "cadastro_session";

/// Over https the prefix makes browsers refuse it from any other host or an unsafe connection.
const SECURE: &str = "__Host-cadastro_session";

/// The token that the browser sent along.
pub fn token(request: &HttpRequest, base_url: &Url) -> Option<Token> {
    Token::parse(request.cookie(name(base_url))?.value())
}

/// The cookie for a session that lasts so many seconds.
pub fn cookie(token: &Token, seconds: u64, base_url: &Url) -> Cookie<'static> {
    let lasts = time::Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    let token = token.as_str().to_owned();
    kept(Cookie::new(name(base_url), token), lasts, base_url)
}

/// What makes the browser forget its token.
pub fn no_cookie(base_url: &Url) -> Cookie<'static> {
    let mut cookie = kept(
        Cookie::new(name(base_url), ""),
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

fn name(base_url: &Url) -> &'static str {
    if is_secure(base_url) { SECURE } else { PLAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(base_url: &str) -> String {
        let base_url = Url::parse(base_url).unwrap();
        let token = Token::parse(&"A".repeat(43)).unwrap();
        cookie(&token, 60, &base_url).to_string()
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
