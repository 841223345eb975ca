//! How the log is written, how much of it, and where a panic goes: into the log, not onto somebody's screen.
//!
//! Everything goes to standard error; standard output belongs to the answers of the command line.

#[cfg(feature = "otlp")]
mod otlp;
mod seldom;
pub mod trace;

use std::{any::Any, io::IsTerminal, panic};

use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::ParseError, layer::SubscriberExt, util::SubscriberInitExt,
};

pub use seldom::Seldom;
pub use trace::Trace;

/// Why no log can be written.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "RUST_LOG is `{filter}`: give error, warn, info, debug or trace, or modules with their levels, such as info,cadastro::actors=debug"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// No spans can be sent to a collector.
    #[cfg(feature = "otlp")]
    #[error("the OTEL_* variables ask for spans that cannot be sent: {0}")]
    Exporter(String),
    /// This process logs elsewhere already.
    #[error("the log of this process is in other hands already")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts the log of this process: JSON for programs, else lines for people. Once in a process.
///
/// What the libraries say through the `log` crate comes along. From here on a panic is an event at level `ERROR`.
pub fn start(json: bool, filter: &str) -> Result<(), TelemetryError> {
    let levels = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter {
            filter: filter.to_owned(),
            source,
        })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = if json {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .boxed()
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).boxed()
    };
    let registry = tracing_subscriber::registry().with(lines.with_filter(levels));
    #[cfg(feature = "otlp")]
    let registry = registry.with(otlp::layer()?.map(|layer| layer.with_filter(spans())));
    registry.try_init()?;
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panicked: {}", panic_message(panic.payload()));
    }));
    Ok(())
}

/// Sends what is still on its way to elsewhere. The last thing that a process does.
pub fn flush() {
    #[cfg(feature = "otlp")]
    otlp::flush();
}

/// Requests and attempts. What the libraries do within them, the exporter's own among them, is no concern of a collector's.
#[cfg(feature = "otlp")]
fn spans() -> tracing_subscriber::filter::Targets {
    let ours = env!("CARGO_PKG_NAME");
    tracing_subscriber::filter::Targets::new().with_target(ours, tracing::Level::INFO)
}

/// What a panic said of itself; most say something.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it gave no reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_filter_is_refused_in_one_line() {
        let error = start(true, "cadastro=loud").expect_err("no such level");
        assert!(
            error
                .to_string()
                .starts_with("RUST_LOG is `cadastro=loud`: give "),
            "{error}"
        );
        assert!(!error.to_string().contains('\n'));
    }

    #[test]
    fn a_panic_says_why_whatever_it_was_thrown_with() {
        for (panic, said) in [
            (panic::catch_unwind(|| panic!("plain")), "plain"),
            (panic::catch_unwind(|| panic!("{}", 1)), "1"),
            (
                panic::catch_unwind(|| panic::panic_any(1)),
                "it gave no reason",
            ),
        ] {
            let payload: Box<dyn Any + Send> = panic.expect_err("it panics");
            assert_eq!(panic_message(&*payload), said);
        }
    }
}
