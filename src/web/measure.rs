//! Counts and times every answer, by method, route and status.

use std::time::Instant;

use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
    web,
};

use super::State;

/// Counts an answer once its head is ready; a stream goes on after that.
pub async fn count(
    state: web::Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let begun = Instant::now();
    let method = method(request.method());
    let route = route(request.request());
    let answer = next.call(request).await;
    let status = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let took = begun.elapsed();
    state.metrics.http(method, &route, status.as_u16(), took);
    let duration_ms = took.as_secs_f64() * 1000.0;
    tracing::debug!(status = status.as_u16(), duration_ms, "answered");
    answer
}

/// The pattern in the route table; anybody can invent addresses, but not patterns.
pub fn route(request: &HttpRequest) -> String {
    request
        .match_pattern()
        .unwrap_or_else(|| "unmatched".to_owned())
}

/// Anybody can invent methods, too.
pub fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_method_is_counted_with_the_others() {
        let invented = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(method(&invented), "other");
        assert_eq!(method(&Method::POST), "POST");
    }
}
