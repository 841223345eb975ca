//! How long the body of a request may take to arrive.
//!
//! Sent byte by byte it would otherwise hold its connection, and a graceful stop, for as long as the
//! sender likes, before anybody has looked at what it says.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    middleware::Next,
    web::{self, Bytes},
};
use futures_util::{FutureExt, Stream, StreamExt, future::LocalBoxFuture};
use jiff::Timestamp;

use super::State;
use crate::clock::Clock;

/// Enough for every form, over the slowest line that people still have.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many bytes that have arrived earn another second: a batch of jobs is larger than a form.
const BYTES_A_SECOND: usize = 16 * 1024;

/// Ends a body that does not arrive in time; whoever waits for it answers with 408.
pub async fn bound(
    state: web::Data<State>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let rest = match request.take_payload() {
        Payload::None => None,
        payload => {
            let arrival = Arrival::new(payload, state.clock.clone());
            let arrival = Rc::new(RefCell::new(arrival));
            let payload = Shared(arrival.clone()).boxed_local();
            request.set_payload(Payload::Stream { payload });
            Some(arrival)
        }
    };
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| Answer {
        body: Box::pin(body),
        _rest: rest,
    }))
}

/// A body on its way in.
struct Arrival {
    payload: Payload,
    clock: Clock,
    begun: Timestamp,
    bytes: usize,
    late: LocalBoxFuture<'static, ()>,
}

impl Arrival {
    fn new(payload: Payload, clock: Clock) -> Self {
        let begun = clock.now();
        Arrival {
            payload,
            late: after(PATIENCE, begun, &clock),
            clock,
            begun,
            bytes: 0,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        match self.payload.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.bytes += chunk.len();
                let earned = Duration::from_secs((self.bytes / BYTES_A_SECOND) as u64);
                self.late = after(PATIENCE + earned, self.begun, &self.clock);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Pending => {
                ready!(self.late.poll_unpin(cx));
                let late = io::Error::from(io::ErrorKind::TimedOut);
                Poll::Ready(Some(Err(PayloadError::Io(late))))
            }
            ended => ended,
        }
    }
}

fn after(wait: Duration, begun: Timestamp, clock: &Clock) -> LocalBoxFuture<'static, ()> {
    let (clock, until) = (clock.clone(), begun.saturating_add(wait));
    async move { clock.sleep_until(until.unwrap_or(Timestamp::MAX)).await }.boxed_local()
}

/// The handler's end of it.
struct Shared(Rc<RefCell<Arrival>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll(cx)
    }
}

/// An answer that holds on to what was not read of its request.
///
/// actix-web closes the connection over a body that somebody could still read. One that nobody can, if it
/// comes in chunks, it would go on receiving, without a limit.
struct Answer<B> {
    body: Pin<Box<B>>,
    _rest: Option<Rc<RefCell<Arrival>>>,
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.get_mut().body.as_mut().poll_next(cx)
    }
}
