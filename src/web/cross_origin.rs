//! Requests that another site makes a visitor's browser send are refused.
//!
//! The rule is that of Go 1.25's `http.CrossOriginProtection`: browsers say where a request comes
//! from, in `Sec-Fetch-Site` or, older ones and those over plain HTTP, in `Origin`. Programs say
//! neither, and have no cookies that somebody could make them send.

use actix_web::{
    Error, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web,
};
use url::Url;

use super::{State, client, error::WebError};

/// Lets through what comes from our own pages, or from no page at all.
pub async fn refuse(
    state: web::Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if is_own(request.request(), &state.base_url) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    Ok(request.error_response(WebError::CrossSite))
}

fn is_own(request: &HttpRequest, base_url: &Url) -> bool {
    let header = |name| {
        Some(
            request
                .headers()
                .get(name)?
                .to_str()
                .unwrap_or("unreadable"),
        )
    };
    is_allowed(
        request.method(),
        header(header::HeaderName::from_static("sec-fetch-site")),
        header(header::ORIGIN),
        client::host(request),
        base_url,
    )
}

/// Judges a request by what its browser says of it.
fn is_allowed(
    method: &Method,
    site: Option<&str>,
    origin: Option<&str>,
    host: Option<&str>,
    base_url: &Url,
) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    match (
        site.filter(|site| !site.is_empty()),
        origin.filter(|origin| !origin.is_empty()),
    ) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
        // A proxy may have renamed the host, hence our own name counts too.
        (None, Some(origin)) => {
            let origin_host = origin.split_once("://").map(|(_, host)| host);
            (origin_host.is_some() && origin_host == host)
                || Url::parse(origin).is_ok_and(|origin| origin.origin() == base_url.origin())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_as_a_table() {
        let base = Url::parse("https://cadastro.example").unwrap();
        let (ours, host) = (Some("http://127.0.0.1:8080"), Some("127.0.0.1:8080"));
        let evil = Some("https://evil.example");
        for (site, origin, allowed) in [
            (Some("same-origin"), None, true),
            (Some("none"), None, true),
            (Some("same-site"), None, false),
            (Some("cross-site"), None, false),
            (Some("cross-site"), ours, false),
            (Some("same-origin"), evil, true),
            (Some("nonsense"), ours, false),
            (Some(""), evil, false),
            (None, None, true),
            (None, ours, true),
            (None, Some("https://cadastro.example"), true),
            (None, Some("http://127.0.0.1:8081"), false),
            (None, Some("http://127.0.0.1"), false),
            (None, Some("127.0.0.1:8080"), false),
            (None, Some("null"), false),
            (None, evil, false),
        ] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                let judged = is_allowed(&method, site, origin, host, &base);
                assert_eq!(judged, allowed, "{method} {site:?} {origin:?}");
            }
            assert!(is_allowed(&Method::GET, site, origin, host, &base));
        }
    }

    #[test]
    fn a_request_without_a_host_is_nobodys_own() {
        let base = Url::parse("http://127.0.0.1:8080").unwrap();
        assert!(!is_allowed(&Method::POST, None, Some("null"), None, &base));
    }
}
