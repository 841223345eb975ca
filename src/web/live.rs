//! Live updates of a visitor's jobs: server-sent events.
//!
//! News make the stream look again. It also looks by itself every so often, as other instances tell
//! of their changes elsewhere; the longer nothing happens, the less often.

use std::{convert::Infallible, future::Future, time::Duration};

use actix_web::{HttpResponse, http::header, rt, web::Bytes};
use futures_util::stream;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{State, WebError, news::Subscription, seats::Seat};

/// How soon after news a stream looks by itself; then each time twice as late, up to [`SLOWEST`].
const PACE: Duration = Duration::from_secs(2);

/// How late news from another instance may be seen.
const SLOWEST: Duration = Duration::from_secs(8);

/// Changes that come within this time are told together.
const BURST: Duration = Duration::from_millis(50);

/// A stream that has nothing to say says so, or proxies would take it for dead. It is also how we
/// learn that a browser has gone: the second write after that fails.
const QUIET: Duration = Duration::from_secs(15);

/// How soon a browser comes back after a connection was lost, in milliseconds.
const RETRY: u32 = 2000;

/// How soon one comes back that has no seat, to look again.
const RETRY_WITHOUT_SEAT: u32 = 5000;

/// What a stream sees when it looks.
pub struct Snapshot {
    /// `partials/jobs`, filled.
    pub html: String,
    /// Once every job has ended, and nothing more will come: what the page ends with, as HTML.
    pub end: Option<String>,
}

/// Streams what `look` sees: now, after all `news`, and until all has ended.
///
/// Sends the events `jobs`, with the list as HTML, and `end`, with what the page ends with. When `look` sees nothing at all any
/// more, the stream ends too; when it fails, the stream looks again later. Without a seat it tells
/// what it sees and ends, and the browser comes back by itself: then its page is refreshed, not live.
pub fn stream<L, F>(state: &State, seat: Option<Seat>, news: Subscription, look: L) -> HttpResponse
where
    L: Fn() -> F + 'static,
    F: Future<Output = Result<Option<Snapshot>, WebError>> + 'static,
{
    let live = Live {
        news,
        stopping: state.stopping.clone(),
        look,
        pace: PACE,
        rest: PACE,
        greeted: false,
        told: None,
        spoke: Instant::now(),
        ended: false,
        seat,
    };
    let events = stream::unfold(live, |mut live| async {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(event)), live))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        // Compression would hold events back, and so would a proxy's buffer.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events)
}

struct Live<L> {
    news: Subscription,
    stopping: watch::Receiver<bool>,
    look: L,
    /// How soon after news it looks by itself.
    pace: Duration,
    /// How long it waits for news this time.
    rest: Duration,
    greeted: bool,
    /// The list that was sent last.
    told: Option<String>,
    spoke: Instant,
    ended: bool,
    /// Held until the stream ends.
    seat: Option<Seat>,
}

impl<L, F> Live<L>
where
    L: Fn() -> F,
    F: Future<Output = Result<Option<Snapshot>, WebError>> + 'static,
{
    /// The next thing to send; `None` ends the stream.
    async fn next(&mut self) -> Option<String> {
        if self.ended || *self.stopping.borrow() {
            return None;
        }
        loop {
            if self.greeted && !self.wait().await {
                return None;
            }
            // On its own, so that a browser that hangs up does not cut a question short.
            let seen = match rt::spawn((self.look)()).await {
                Ok(Ok(Some(seen))) => Some(seen),
                Ok(Ok(None)) => return None,
                // The database is away; the page shows what it has, and we look again.
                Ok(Err(_)) | Err(_) => None,
            };
            let events = match std::mem::replace(&mut self.greeted, true) {
                true => self.tell(seen),
                false => self.greeting() + &self.tell(seen),
            };
            self.ended |= self.seat.is_none();
            if !events.is_empty() {
                self.spoke = Instant::now();
                return Some(events);
            }
        }
    }

    /// Tells the browser when to come back, and that it has come to the right place.
    fn greeting(&self) -> String {
        let retry = match self.seat {
            Some(_) => RETRY,
            None => RETRY_WITHOUT_SEAT,
        };
        format!("retry: {retry}\n\n")
    }

    /// What of this the browser does not know yet; nothing, unless it is time to say something.
    fn tell(&mut self, seen: Option<Snapshot>) -> String {
        match seen {
            Some(seen) if seen.end.is_some() || self.told.as_ref() != Some(&seen.html) => {
                let mut events = event("jobs", &seen.html);
                if let Some(end) = &seen.end {
                    events.push_str(&event("end", end));
                    self.ended = true;
                }
                self.told = Some(seen.html);
                events
            }
            _ if self.spoke.elapsed() >= QUIET => ": still here\n\n".to_owned(),
            _ => String::new(),
        }
    }

    /// Waits for a reason to look again; `false` says that the program stops.
    async fn wait(&mut self) -> bool {
        tokio::select! {
            // An error says that the sender is gone, and with it the program.
            _ = self.stopping.wait_for(|stopping| *stopping) => return false,
            heard = timeout(self.rest, self.news.next()) => {
                self.rest = match heard {
                    Ok(()) => self.pace,
                    Err(_) => (self.rest * 2).min(SLOWEST),
                };
            }
        }
        tokio::select! {
            _ = self.stopping.wait_for(|stopping| *stopping) => return false,
            _ = sleep(BURST) => {}
        }
        // Whatever came in the meantime is seen by the look that follows.
        self.news.catch_up();
        true
    }
}

/// One event; a line of its data must not look like the end of it. Without any data browsers would pass it over.
fn event(name: &str, data: &str) -> String {
    let mut event = format!("event: {name}\n");
    if data.is_empty() {
        event.push_str("data:\n");
    }
    for line in data.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event
}

#[cfg(test)]
mod tests;
