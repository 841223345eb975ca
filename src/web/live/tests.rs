//! What a stream tells, when it looks, and how it ends.

use std::{cell::RefCell, future::ready, net::Ipv4Addr, rc::Rc};

use super::*;
use crate::{
    queue::SignupId,
    web::{
        news::{News, Topic},
        seats::Seats,
    },
};

const OURS: Topic = Topic::Signup(SignupId(1));

/// What the test shows the stream: the list, and the end if it has come; or nothing but a failure.
type Shown = Rc<RefCell<Option<(String, Option<String>)>>>;

/// A stream about [`OURS`] that never waits long, and those whom it hears.
#[allow(clippy::type_complexity)]
fn live(
    shown: Shown,
    seat: Option<Seat>,
) -> (
    Live<impl Fn() -> std::future::Ready<Result<Option<Snapshot>, WebError>>>,
    News,
    watch::Sender<bool>,
) {
    let news = News::default();
    let (stop, stopping) = watch::channel(false);
    let live = Live {
        news: news.about(OURS),
        stopping,
        look: move || {
            ready(match shown.borrow().clone() {
                Some((html, end)) => Ok(Some(Snapshot { html, end })),
                None => Err(WebError::Away("gone".to_owned())),
            })
        },
        pace: Duration::from_millis(1),
        rest: Duration::from_millis(1),
        greeted: false,
        told: None,
        spoke: Instant::now(),
        ended: false,
        seat,
    };
    (live, news, stop)
}

fn shown(html: &str) -> Shown {
    Rc::new(RefCell::new(Some((html.to_owned(), None))))
}

fn seat() -> Option<Seat> {
    Seats::new(false).take(Ipv4Addr::LOCALHOST.into())
}

#[actix_web::test]
async fn a_stream_tells_at_once_and_after_a_change_and_ends_with_the_last_job() {
    let jobs = shown("<ol>\n1\n</ol>");
    let (mut live, news, _stop) = live(jobs.clone(), seat());
    live.rest = QUIET;
    let first = live.next().await.unwrap();
    assert_eq!(
        first,
        "retry: 2000\n\nevent: jobs\ndata: <ol>\ndata: 1\ndata: </ol>\n\n"
    );

    *jobs.borrow_mut() = Some(("2".into(), Some("all done".into())));
    news.wake(OURS);
    let last = live.next().await.unwrap();
    assert_eq!(
        last,
        "event: jobs\ndata: 2\n\nevent: end\ndata: all done\n\n"
    );
    assert_eq!(live.next().await, None);
}

#[actix_web::test]
async fn what_nobody_told_of_is_found_too() {
    let jobs = shown("1");
    let (mut live, _news, _stop) = live(jobs.clone(), seat());
    live.next().await.unwrap();
    *jobs.borrow_mut() = Some(("2".into(), None));
    assert_eq!(live.next().await.unwrap(), "event: jobs\ndata: 2\n\n");
}

#[actix_web::test]
async fn the_longer_nothing_happens_the_less_often_a_stream_looks() {
    let (mut live, news, _stop) = live(shown("1"), seat());
    live.next().await.unwrap();
    for expected in [2, 4, 8] {
        assert!(live.wait().await);
        assert_eq!(live.rest, Duration::from_millis(expected));
    }
    live.rest = QUIET;
    news.wake(OURS);
    assert!(live.wait().await);
    assert_eq!(live.rest, live.pace, "news make it attentive again");
}

#[actix_web::test]
async fn a_stream_goes_on_when_a_look_fails() {
    let jobs: Shown = Rc::default();
    let (mut live, _news, _stop) = live(jobs.clone(), seat());
    assert_eq!(live.next().await.unwrap(), "retry: 2000\n\n");
    *jobs.borrow_mut() = Some(("1".into(), None));
    assert_eq!(live.next().await.unwrap(), "event: jobs\ndata: 1\n\n");
}

#[actix_web::test]
async fn whoever_has_no_seat_is_told_once_and_comes_back_later() {
    let (mut live, _news, _stop) = live(shown("1"), None);
    let told = live.next().await.unwrap();
    assert_eq!(told, "retry: 5000\n\nevent: jobs\ndata: 1\n\n");
    assert_eq!(live.next().await, None);
}

#[actix_web::test]
async fn a_stop_ends_the_stream_while_it_waits() {
    let (mut live, _news, stop) = live(shown("1"), seat());
    live.next().await.unwrap();
    live.rest = QUIET;
    stop.send(true).unwrap();
    assert_eq!(live.next().await, None);
}

#[test]
fn no_text_breaks_out_of_its_event() {
    assert_eq!(
        event("jobs", "a\r\n\nevent: x"),
        "event: jobs\ndata: a\ndata: event: x\n\n"
    );
    assert_eq!(event("end", ""), "event: end\ndata:\n\n");
}
