//! Live updates of a visitor's jobs: server-sent events.
//!
//! Each change that the Scheduler tells of makes the stream look again. It also looks by itself
//! every so often: other instances tell of their changes elsewhere.

use std::{convert::Infallible, future::Future, time::Duration};

use actix_web::{HttpResponse, http::header, rt, web::Bytes};
use futures_util::stream;
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast, watch},
    time::{Instant, sleep, timeout},
};

use super::{State, WebError};
use crate::actors::Change;

/// How often a stream looks by itself.
const LOOK: Duration = Duration::from_secs(2);

/// Changes that come within this time are told together.
const BURST: Duration = Duration::from_millis(50);

/// A stream that has nothing to say says so, or proxies would take it for dead.
const QUIET: Duration = Duration::from_secs(15);

/// What a stream sees when it looks.
pub struct Snapshot {
    /// `partials/jobs`, filled.
    pub html: String,
    /// Every job has ended: nothing more will come.
    pub ended: bool,
}

/// Streams what `look` sees: now, after every change that `concerns` it, and until all has ended.
///
/// Sends the events `jobs`, with the list as HTML, and `end`. When `look` sees nothing at all any
/// more, the stream ends too; when it fails, the stream looks again later.
pub fn stream<L, F>(
    state: &State,
    seat: OwnedSemaphorePermit,
    concerns: impl Fn(&Change) -> bool + 'static,
    look: L,
) -> HttpResponse
where
    L: Fn() -> F + 'static,
    F: Future<Output = Result<Option<Snapshot>, WebError>> + 'static,
{
    let live = Live {
        changes: state.scheduler.changes(),
        stopping: state.stopping.clone(),
        concerns,
        look,
        told: None,
        spoke: Instant::now(),
        ended: false,
        _seat: Some(seat),
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

struct Live<C, L> {
    changes: broadcast::Receiver<Change>,
    stopping: watch::Receiver<bool>,
    concerns: C,
    look: L,
    /// What was sent last; nothing at first.
    told: Option<String>,
    spoke: Instant,
    ended: bool,
    _seat: Option<OwnedSemaphorePermit>,
}

impl<C, L, F> Live<C, L>
where
    C: Fn(&Change) -> bool,
    L: Fn() -> F,
    F: Future<Output = Result<Option<Snapshot>, WebError>> + 'static,
{
    /// The next thing to send; `None` ends the stream.
    async fn next(&mut self) -> Option<String> {
        if self.ended || *self.stopping.borrow() {
            return None;
        }
        loop {
            if self.told.is_some() && !self.wait().await {
                return None;
            }
            // On its own, so that a browser that hangs up does not cut a question short.
            let seen = match rt::spawn((self.look)()).await {
                Ok(Ok(Some(seen))) => Some(seen),
                Ok(Ok(None)) => return None,
                // The database is away; the page shows what it has, and we look again.
                Ok(Err(_)) | Err(_) => None,
            };
            if let Some(seen) = seen
                && (self.told.as_ref() != Some(&seen.html) || seen.ended)
            {
                let mut events = match self.told {
                    None => "retry: 2000\n".to_owned(),
                    Some(_) => String::new(),
                };
                events.push_str(&event("jobs", &seen.html));
                if seen.ended {
                    events.push_str(&event("end", "end"));
                }
                self.ended = seen.ended;
                self.told = Some(seen.html);
                self.spoke = Instant::now();
                return Some(events);
            }
            if self.told.is_none() || self.spoke.elapsed() >= QUIET {
                self.told.get_or_insert_default();
                self.spoke = Instant::now();
                return Some(": still here\n\n".to_owned());
            }
        }
    }

    /// Waits for a reason to look again; `false` says that the program stops.
    async fn wait(&mut self) -> bool {
        let Live {
            changes,
            stopping,
            concerns,
            ..
        } = self;
        tokio::select! {
            // An error says that the sender is gone, and with it the program.
            _ = stopping.wait_for(|stopping| *stopping) => return false,
            _ = timeout(LOOK, concerning(changes, concerns)) => {}
        }
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return false,
            _ = sleep(BURST) => {}
        }
        // Whatever came in the meantime is seen by the look that follows.
        *changes = changes.resubscribe();
        true
    }
}

/// Returns after the next change that concerns us, or after so many that some were missed.
async fn concerning(
    changes: &mut broadcast::Receiver<Change>,
    concerns: &impl Fn(&Change) -> bool,
) {
    loop {
        match changes.recv().await {
            Ok(change) if concerns(&change) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// One event; a line of its data must not look like the end of it.
fn event(name: &str, data: &str) -> String {
    let mut event = format!("event: {name}\n");
    for line in data.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::ready, rc::Rc};

    use super::*;
    use crate::queue::{JobId, SignupId};

    type Seen = Rc<RefCell<(String, bool)>>;

    /// A stream that sees what the test shows it, of the sign-up 1.
    #[allow(clippy::type_complexity)]
    fn live(
        seen: Seen,
    ) -> (
        Live<
            impl Fn(&Change) -> bool,
            impl Fn() -> std::future::Ready<Result<Option<Snapshot>, WebError>>,
        >,
        broadcast::Sender<Change>,
        watch::Sender<bool>,
    ) {
        let (tell, changes) = broadcast::channel(8);
        let (stop, stopping) = watch::channel(false);
        let live = Live {
            changes,
            stopping,
            concerns: |change: &Change| change.signup == Some(SignupId(1)),
            look: move || {
                let (html, ended) = seen.borrow().clone();
                ready(Ok(Some(Snapshot { html, ended })))
            },
            told: None,
            spoke: Instant::now(),
            ended: false,
            _seat: None,
        };
        (live, tell, stop)
    }

    fn seen(html: &str, ended: bool) -> Seen {
        Rc::new(RefCell::new((html.to_owned(), ended)))
    }

    #[actix_web::test]
    async fn a_stream_tells_at_once_and_after_a_change_and_ends_with_the_last_job() {
        let shown = seen("<ol>\n1\n</ol>", false);
        let (mut live, tell, _stop) = live(shown.clone());
        let first = live.next().await.unwrap();
        assert_eq!(
            first,
            "retry: 2000\nevent: jobs\ndata: <ol>\ndata: 1\ndata: </ol>\n\n"
        );

        *shown.borrow_mut() = ("2".into(), true);
        let change = Change {
            job: JobId(3),
            user: None,
            signup: Some(SignupId(1)),
        };
        tell.send(change).unwrap();
        let last = live.next().await.unwrap();
        assert_eq!(last, "event: jobs\ndata: 2\n\nevent: end\ndata: end\n\n");
        assert_eq!(live.next().await, None);
    }

    #[actix_web::test]
    async fn a_stop_ends_the_stream_while_it_waits() {
        let (mut live, _tell, stop) = live(seen("1", false));
        live.next().await.unwrap();
        stop.send(true).unwrap();
        assert_eq!(live.next().await, None);
    }

    #[test]
    fn no_text_breaks_out_of_its_event() {
        assert_eq!(
            event("jobs", "a\r\n\nevent: x"),
            "event: jobs\ndata: a\ndata: event: x\n\n"
        );
    }
}
