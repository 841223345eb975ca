//! Which request, or which job, is at work: the W3C trace context that goes along with all that it starts.
//!
//! A request continues the trace that it came with. The attempt of a job begins a trace of its own, as it may
//! run days later, and names the one of whoever enqueued the job.

use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use tracing::Span;

#[cfg(feature = "otlp")]
use super::otlp;

tokio::task_local! {
    static CURRENT: Trace;
}

/// A place in a trace: `00-<trace>-<span>-<flags>`, as the header `traceparent` has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace(String);

/// A header that tells no trace.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no W3C trace context")]
pub struct NoTrace;

/// Where the trace's own number stands in the text, the span's, and the flags.
const TRACE: std::ops::Range<usize> = 3..35;
const SPAN: std::ops::Range<usize> = 36..52;
const FLAGS: std::ops::Range<usize> = 53..55;

impl Trace {
    /// A place in a trace that begins here.
    fn new() -> Self {
        Trace::at(&HEXLOWER.encode(&rand::random::<[u8; 16]>()), "01")
    }

    /// A further place in the same trace.
    fn next(&self) -> Self {
        Trace::at(self.id(), &self.0[FLAGS])
    }

    fn at(trace: &str, flags: &str) -> Self {
        let span = HEXLOWER.encode(&rand::random::<[u8; 8]>());
        Trace(format!("00-{trace}-{span}-{flags}"))
    }

    /// The trace's own number, by which a log is searched.
    pub fn id(&self) -> &str {
        &self.0[TRACE]
    }

    /// As a header carries it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[cfg(feature = "otlp")]
    pub(super) fn span(&self) -> &str {
        &self.0[SPAN]
    }

    #[cfg(feature = "otlp")]
    pub(super) fn flags(&self) -> &str {
        &self.0[FLAGS]
    }
}

impl FromStr for Trace {
    type Err = NoTrace;

    /// Later versions begin like the first, and may go on.
    fn from_str(header: &str) -> Result<Self, NoTrace> {
        let bytes = header.as_bytes();
        let hex = |range| {
            let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            bytes
                .get(range)
                .is_some_and(|part: &[u8]| part.iter().all(digit))
        };
        let none = |range| {
            bytes
                .get(range)
                .is_some_and(|part: &[u8]| part.iter().all(|b| *b == b'0'))
        };
        let dashes = [2, 35, 52].map(|place| bytes.get(place) == Some(&b'-'));
        let end = match (bytes.get(0..2), bytes.get(55)) {
            (Some(b"00"), end) => end.is_none(),
            (Some(b"ff") | None, _) => false,
            (Some(_), end) => matches!(end, None | Some(b'-')),
        };
        let read = hex(0..2) && hex(TRACE) && hex(SPAN) && hex(FLAGS) && dashes == [true; 3] && end;
        match read && !none(TRACE) && !none(SPAN) {
            true => Ok(Trace(format!("00{}", &header[2..FLAGS.end]))),
            false => Err(NoTrace),
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the work of `span` stands that continues the trace of `before`, or begins one.
pub fn follow(span: &Span, before: Option<&Trace>) -> Trace {
    #[cfg(feature = "otlp")]
    if let Some(trace) = otlp::follow(span, before) {
        return trace;
    }
    let _ = span;
    before.map_or_else(Trace::new, Trace::next)
}

/// Where the work of `span` stands that begins a trace of its own because of `cause`.
pub fn begin(span: &Span, cause: Option<&Trace>) -> Trace {
    #[cfg(feature = "otlp")]
    if let Some(trace) = otlp::begin(span, cause) {
        return trace;
    }
    let _ = (span, cause);
    Trace::new()
}

/// Does `work` at this place of a trace.
pub async fn within<F: Future>(trace: Trace, work: F) -> F::Output {
    CURRENT.scope(trace, work).await
}

/// Where the work stands that asks. `None` is nowhere: what nobody asked for has no trace.
pub fn current() -> Option<Trace> {
    CURRENT.try_with(Trace::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_as_the_standard_says() {
        let trace: Trace = KNOWN.parse().unwrap();
        assert_eq!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let later = KNOWN.replacen("00", "cc", 1) + "-more";
        assert_eq!(later.parse(), Ok(trace));
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        ] {
            assert_eq!(wrong.parse::<Trace>(), Err(NoTrace), "{wrong}");
        }
    }

    #[tokio::test]
    async fn whoever_follows_stands_elsewhere_in_the_same_trace() {
        let before: Trace = KNOWN.parse().unwrap();
        let after = follow(&Span::none(), Some(&before));
        assert_eq!(after.id(), before.id());
        assert_ne!(after, before);
        assert_eq!(after.as_str().parse(), Ok(after.clone()));
        assert_ne!(begin(&Span::none(), Some(&before)).id(), before.id());
        assert_eq!(current(), None);
        let seen = within(after.clone(), async { current() }).await;
        assert_eq!(seen, Some(after));
    }
}
