//! What every answer tells the browser not to do.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue,
        PERMISSIONS_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    },
    middleware::Next,
    web,
};

use super::{State, session::is_secure};

/// Our own scripts, styles and pictures, and nothing written into a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; frame-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Each of these stands unless a handler has said otherwise.
///
/// The referrer stays on this site, so that a receipt's address never leaves it. `no-referrer`
/// would keep it no better, and would make browsers hide the `Origin` of our own forms.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        PERMISSIONS_POLICY,
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    // Pages are personal, and figures are of this moment; what may be kept says so.
    (CACHE_CONTROL, "no-store"),
];

/// For a year browsers come over https only.
const HSTS: &str = "max-age=31536000";

/// Adds the headers to every answer, errors included.
pub async fn add(
    state: web::Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    fill(response.headers_mut(), is_secure(&state.base_url));
    Ok(response)
}

fn fill(headers: &mut HeaderMap, secure: bool) {
    let hsts = secure.then_some((STRICT_TRANSPORT_SECURITY, HSTS));
    for (name, value) in HEADERS.into_iter().chain(hsts) {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_may_run_what_is_written_into_it() {
        assert!(!POLICY.contains("unsafe"));
        assert!(POLICY.starts_with("default-src 'none'"));
    }

    #[test]
    fn a_handler_has_the_first_word_and_https_adds_one() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("immutable"));
        fill(&mut headers, false);
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "immutable");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
        fill(&mut headers, true);
        assert!(headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
