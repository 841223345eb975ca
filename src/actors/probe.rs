//! What is measured of an actor: its mailbox, its messages, its falls.
//!
//! actix tells nobody how full a mailbox is. So every message travels in a [`Post`], which counts
//! itself in and out, and actors handle `Post<M>` in the place of `M`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Instant,
};

use actix::{Actor, Addr, Handler, MailboxError, Message, dev::ToEnvelope, prelude::SendError};
use jiff::Timestamp;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};

use super::{
    report::{ActorReport, LastRestart},
    supervision::Fall,
};
use crate::metrics::Metrics;

/// What is known of one kind of actor, all its instances together.
pub(super) struct Vitals {
    pub(super) name: Arc<str>,
    kind: &'static str,
    parent: Option<&'static str>,
    metrics: Metrics,
    up: Gauge,
    waiting: Gauge,
    instances: AtomicI64,
    handled: AtomicU64,
    /// What is counted of each kind of message: to look it up by its labels costs more than many a handling.
    messages: Mutex<HashMap<&'static str, (Counter, Histogram)>>,
    restarts: AtomicU64,
    last_restart: Mutex<Option<LastRestart>>,
}

impl Vitals {
    pub(super) fn new(
        name: impl Into<Arc<str>>,
        kind: &'static str,
        parent: Option<&'static str>,
        metrics: &Metrics,
    ) -> Arc<Self> {
        let name = name.into();
        metrics.know_actor(&name, &Fall::REASONS);
        Arc::new(Vitals {
            kind,
            parent,
            metrics: metrics.clone(),
            up: metrics.actor_up(&name),
            waiting: metrics.mailbox(&name),
            name,
            instances: AtomicI64::new(0),
            handled: AtomicU64::new(0),
            messages: Mutex::default(),
            restarts: AtomicU64::new(0),
            last_restart: Mutex::new(None),
        })
    }

    pub(super) fn instance_added(&self) {
        self.instances.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn instance_ended(&self) {
        self.instances.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn went_up(&self) {
        self.up.inc();
    }

    pub(super) fn went_down(&self) {
        self.up.dec();
    }

    pub(super) fn fell(&self, at: Timestamp, reason: &'static str) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.metrics.restarted(&self.name, reason);
        let mut last = self.last_restart.lock().unwrap_or_else(|e| e.into_inner());
        *last = Some(LastRestart { at, reason });
    }

    /// Counts a message, and answers with what measures its handling.
    fn handling(&self, message: &'static str) -> Histogram {
        let mut known = self.messages.lock().unwrap_or_else(|e| e.into_inner());
        let make = || self.metrics.handling(&self.name, message);
        let (count, duration) = known.entry(message).or_insert_with(make);
        count.inc();
        duration.clone()
    }

    pub(super) fn report(&self) -> ActorReport {
        let instances = self.instances.load(Ordering::Relaxed);
        let state = match instances - self.up.get() {
            _ if instances == 0 => "stopped",
            0 => "running",
            _ => "restarting",
        };
        ActorReport {
            name: self.name.to_string(),
            kind: self.kind,
            parent: self.parent,
            state,
            instances,
            mailbox: self.waiting.get(),
            handled: self.handled.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            last_restart: self
                .last_restart
                .lock()
                .unwrap_or_else(|e| e.into_inner())
                .clone(),
        }
    }
}

/// A message under way, counted as waiting until it is opened or dropped.
pub(super) struct Post<M> {
    message: M,
    slot: Slot,
}

/// Names a message in the metrics.
pub(super) trait Named {
    const NAME: &'static str;
}

impl<M: Message> Message for Post<M> {
    type Result = M::Result;
}

impl<M: Named> Post<M> {
    pub(super) fn new(message: M, vitals: &Arc<Vitals>) -> Self {
        vitals.waiting.inc();
        Post {
            message,
            slot: Slot(vitals.clone()),
        }
    }

    /// Takes the message out. The second value measures the handling until it is dropped.
    pub(super) fn open(self) -> (M, Handling) {
        let vitals = self.slot.0.clone();
        drop(self.slot);
        vitals.handled.fetch_add(1, Ordering::Relaxed);
        let duration = vitals.handling(M::NAME);
        let begun = Instant::now();
        (self.message, Handling { begun, duration })
    }
}

/// Leaves the mailbox's count even where the mailbox dies with the message in it.
struct Slot(Arc<Vitals>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.waiting.dec();
    }
}

/// The handling of one message, from its opening to its answer.
pub(super) struct Handling {
    begun: Instant,
    duration: Histogram,
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.duration.observe(self.begun.elapsed().as_secs_f64());
    }
}

/// The address of an actor whose mailbox is measured.
pub(super) struct Mailbox<A: Actor> {
    address: Addr<A>,
    vitals: Arc<Vitals>,
}

impl<A: Actor> Clone for Mailbox<A> {
    fn clone(&self) -> Self {
        Mailbox {
            address: self.address.clone(),
            vitals: self.vitals.clone(),
        }
    }
}

impl<A: Actor> Mailbox<A> {
    pub(super) fn new(address: Addr<A>, vitals: Arc<Vitals>) -> Self {
        Mailbox { address, vitals }
    }

    /// Waits for a place in the mailbox, and then for the answer.
    pub(super) async fn ask<M>(&self, message: M) -> Result<M::Result, MailboxError>
    where
        A: Handler<Post<M>>,
        A::Context: ToEnvelope<A, Post<M>>,
        M: Message + Named + Send + 'static,
        M::Result: Send,
    {
        self.address.send(Post::new(message, &self.vitals)).await
    }

    /// Leaves a message, even in a mailbox that is full.
    pub(super) fn tell<M>(&self, message: M)
    where
        A: Handler<Post<M>>,
        A::Context: ToEnvelope<A, Post<M>>,
        M: Message + Named + Send + 'static,
        M::Result: Send,
    {
        self.address.do_send(Post::new(message, &self.vitals));
    }

    /// Leaves a message, unless the mailbox is full.
    pub(super) fn offer<M>(&self, message: M) -> Result<(), SendError<()>>
    where
        A: Handler<Post<M>>,
        A::Context: ToEnvelope<A, Post<M>>,
        M: Message + Named + Send + 'static,
        M::Result: Send,
    {
        let post = Post::new(message, &self.vitals);
        self.address.try_send(post).map_err(|error| match error {
            SendError::Full(_) => SendError::Full(()),
            SendError::Closed(_) => SendError::Closed(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use actix::Context;

    use super::*;

    struct Word;

    impl Message for Word {
        type Result = ();
    }

    impl Named for Word {
        const NAME: &'static str = "word";
    }

    struct Listener;

    impl Actor for Listener {
        type Context = Context<Self>;
    }

    impl Handler<Post<Word>> for Listener {
        type Result = ();

        fn handle(&mut self, post: Post<Word>, _: &mut Self::Context) {
            post.open();
        }
    }

    fn vitals() -> (Arc<Vitals>, Metrics) {
        let metrics = Metrics::new("test");
        let vitals = Vitals::new("listener", "Listener", None, &metrics);
        (vitals, metrics)
    }

    #[test]
    fn a_message_waits_until_it_is_opened_or_dropped() {
        let (vitals, _) = vitals();
        let (one, two) = (Post::new(Word, &vitals), Post::new(Word, &vitals));
        assert_eq!(vitals.report().mailbox, 2);
        drop(one);
        assert_eq!(vitals.report().mailbox, 1);
        let (Word, handling) = two.open();
        let report = vitals.report();
        assert_eq!((report.mailbox, report.handled), (0, 1));
        drop(handling);
        assert_eq!(vitals.report().handled, 1);
    }

    #[test]
    fn a_handling_is_measured_once_it_is_over() {
        let (vitals, metrics) = vitals();
        let (Word, handling) = Post::new(Word, &vitals).open();
        let counted = |what: &str| {
            let line = format!("{what}{{actor=\"listener\",message=\"word\"}} 1");
            metrics.render(false).contains(&line)
        };
        assert!(counted("cadastro_actor_messages_total"));
        assert!(!counted("cadastro_actor_handle_duration_seconds_count"));
        drop(handling);
        assert!(counted("cadastro_actor_handle_duration_seconds_count"));
    }

    #[actix::test]
    async fn a_mailbox_that_is_full_refuses_what_is_offered_and_takes_what_is_told() {
        let (vitals, _) = vitals();
        let mailbox = Mailbox::new(Listener.start(), vitals.clone());
        // The actor has no turn before this test waits for something.
        let taken = std::iter::from_fn(|| mailbox.offer(Word).ok())
            .take(1000)
            .count() as i64;
        assert!(taken < 1000);
        assert!(matches!(mailbox.offer(Word), Err(SendError::Full(()))));
        assert_eq!(vitals.report().mailbox, taken);
        mailbox.tell(Word);
        assert_eq!(vitals.report().mailbox, taken + 1);
        mailbox.ask(Word).await.expect("an answer");
        let report = vitals.report();
        assert_eq!((report.mailbox, report.handled), (0, taken as u64 + 2));
    }
}
