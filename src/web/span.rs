//! What the log says of a request: its method and route, never its path or query, since receipts
//! and the like are secrets. And the trace that it came with, or begins.

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use tracing::{Span, field::Empty};
use tracing_actix_web::{RequestId, RootSpanBuilder};

use super::measure::{method, route};
use crate::telemetry::{Trace, trace};

/// Builds the span in which a request is handled.
pub struct Request;

impl RootSpanBuilder for Request {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request
            .extensions()
            .get::<RequestId>()
            .map(ToString::to_string);
        let span = tracing::info_span!(
            "request",
            http.method = method(request.method()),
            http.route = route(request.request()),
            http.status = Empty,
            request.id = id,
            trace.id = Empty,
        );
        let header = request.headers().get("traceparent");
        let before: Option<Trace> = header.and_then(|header| header.to_str().ok()?.parse().ok());
        let trace = trace::follow(&span, before.as_ref());
        span.record("trace.id", trace.id());
        request.extensions_mut().insert(trace);
        span
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("http.status", status.as_u16());
    }
}

/// Lets whatever a request starts know in which trace it stands.
pub async fn carry<F: Future>(request: HttpRequest, work: F) -> F::Output {
    let trace = request.extensions().get::<Trace>().cloned();
    match trace {
        Some(trace) => trace::within(trace, work).await,
        None => work.await,
    }
}
