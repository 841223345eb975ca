//! Spans on their way to an OpenTelemetry collector, by OTLP over plain HTTP.
//!
//! The standard variables say where and how: `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_PROTOCOL`
//! (`http/protobuf` or `http/json`), `OTEL_SERVICE_NAME` and the others. Without an endpoint nothing is sent.

use std::{env, sync::OnceLock};

use opentelemetry::{
    Context,
    trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
    },
};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, SpanExporter,
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, registry::LookupSpan};

use super::{TelemetryError, Trace};

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// What sends spans; `None` where no variable says to whom.
pub(super) fn layer<S>() -> Result<Option<impl Layer<S>>, TelemetryError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let asked = [
        OTEL_EXPORTER_OTLP_ENDPOINT,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    ];
    if !asked
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
    {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .build()
        .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
    let mut resource = Resource::builder();
    if env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(env!("CARGO_PKG_NAME"));
    }
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build();
    let tracer = PROVIDER.get_or_init(|| provider).tracer("cadastro");
    Ok(Some(tracing_opentelemetry::layer().with_tracer(tracer)))
}

/// Sends what has not been sent yet, and no more after it. Takes five seconds at the most.
pub(super) fn flush() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!(%error, "the last spans did not reach the collector");
    }
}

/// `None` where no span is sent.
pub(super) fn follow(span: &Span, before: Option<&Trace>) -> Option<Trace> {
    if let Some(before) = before {
        // Where nothing is sent there is nothing to set.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote(before)?));
    }
    of(span)
}

/// `None` where no span is sent.
pub(super) fn begin(span: &Span, cause: Option<&Trace>) -> Option<Trace> {
    if let Some(cause) = cause {
        span.add_link(remote(cause)?);
    }
    of(span)
}

fn of(span: &Span) -> Option<Trace> {
    let context = span.context();
    let place = context.span().span_context().clone();
    let flags = place.trace_flags().to_u8();
    let text = format!("00-{}-{}-{flags:02x}", place.trace_id(), place.span_id());
    text.parse().ok()
}

fn remote(trace: &Trace) -> Option<SpanContext> {
    Some(SpanContext::new(
        TraceId::from_hex(trace.id()).ok()?,
        SpanId::from_hex(trace.span()).ok()?,
        TraceFlags::new(u8::from_str_radix(trace.flags(), 16).ok()?),
        true,
        TraceState::default(),
    ))
}
