use actix::{MailboxError, Message, System, WrapFuture};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
};

use super::*;
use crate::{
    actors::probe::{Mailbox, Named, Post},
    metrics::Metrics,
};

/// What the test actor reports.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Started,
    Restarting,
    Said(u32),
}
use Event::{Restarting, Said, Started};

/// What it is told to do.
enum Do {
    Say(u32),
    Panic,
    PanicInFuture,
    PanicInTimer,
    Stop,
    Fall(Fall),
    /// Panic, and leave something behind that panics when it is dropped.
    LeaveBomb,
    /// Panic, and once more in `restarting`.
    PanicTwice,
}

impl Message for Do {
    type Result = ();
}

impl Named for Do {
    const NAME: &'static str = "do";
}

struct Subject {
    events: mpsc::UnboundedSender<Event>,
    life: Life,
    panics_in_restarting: bool,
}

impl Subject {
    fn report(&self, event: Event) {
        // The test may have seen enough.
        let _ = self.events.send(event);
    }
}

impl Actor for Subject {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.report(Started);
    }
}

impl Supervised for Subject {
    fn restarting(&mut self, _: &mut Self::Context) {
        if std::mem::take(&mut self.panics_in_restarting) {
            panic!("once more");
        }
        self.report(Restarting);
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("what was left behind");
    }
}

impl actix::Handler<Post<Do>> for Subject {
    type Result = ();

    fn handle(&mut self, post: Post<Do>, ctx: &mut Self::Context) {
        let (what, _handling) = post.open();
        match what {
            Do::Say(number) => self.report(Said(number)),
            Do::Panic => panic!("in a handler"),
            Do::PanicInFuture => {
                ctx.spawn(async { panic!("in a future") }.into_actor(self));
            }
            Do::PanicInTimer => {
                ctx.run_later(Duration::ZERO, |_, _| panic!("in a timer"));
            }
            Do::Stop => ctx.stop(),
            Do::Fall(why) => self.life.fall(ctx, why),
            Do::LeaveBomb => {
                let bomb = Bomb;
                ctx.spawn(
                    async move {
                        let _bomb = bomb;
                        std::future::pending().await
                    }
                    .into_actor(self),
                );
                panic!("in a handler");
            }
            Do::PanicTwice => {
                self.panics_in_restarting = true;
                panic!("in a handler");
            }
        }
    }
}

/// A supervised actor, and all that can be seen of it.
struct Stage {
    mailbox: Mailbox<Subject>,
    events: mpsc::UnboundedReceiver<Event>,
    exceeded: mpsc::UnboundedReceiver<()>,
    vitals: Arc<Vitals>,
    clock: Clock,
}

impl Stage {
    async fn set() -> Self {
        let vitals = Vitals::new("subject", "Subject", None, &Metrics::new("test"));
        let clock = Clock::standing_at(Timestamp::UNIX_EPOCH);
        Self::with(vitals, clock).await
    }

    async fn with(vitals: Arc<Vitals>, clock: Clock) -> Self {
        let (events, seen) = mpsc::unbounded_channel();
        let (calls, exceeded) = mpsc::unbounded_channel();
        let call = move || calls.send(()).expect("the test still listens");
        let make = |_: &mut Context<Subject>, life| Subject {
            events,
            life,
            panics_in_restarting: false,
        };
        let address = supervise(vitals.clone(), Intensity::USUAL, clock.clone(), call, make);
        let mut stage = Stage {
            mailbox: Mailbox::new(address, vitals.clone()),
            events: seen,
            exceeded,
            vitals,
            clock,
        };
        stage.see([Started]).await;
        stage
    }

    fn tell(&self, what: impl IntoIterator<Item = Do>) {
        what.into_iter().for_each(|what| self.mailbox.tell(what));
    }

    /// Waits for exactly these events, in this order.
    async fn see<const N: usize>(&mut self, expected: [Event; N]) {
        for expected in expected {
            let seen = self.events.recv().await.expect("the actor is alive");
            assert_eq!(seen, expected);
        }
    }

    /// Gives everybody time to do what they should not do.
    async fn see_nothing(&mut self) {
        for _ in 0..50 {
            yield_now().await;
        }
        assert_eq!(self.events.try_recv().ok(), None);
    }

    /// Moves the clock to just before the wait is over, and then on.
    async fn wait_out(&mut self, wait: Duration) {
        let moment = Duration::from_millis(1);
        self.clock.advance(wait - moment);
        self.see_nothing().await;
        self.clock.advance(moment);
        self.see([Started]).await;
    }

    fn restarts(&self) -> u64 {
        self.vitals.report().restarts
    }
}

const FIRST: Duration = Intensity::USUAL.first_wait;

#[actix::test]
async fn an_actor_that_panics_in_a_handler_goes_on_with_the_messages_behind() {
    let mut stage = Stage::set().await;
    stage.tell([Do::Say(1), Do::Panic, Do::Say(2), Do::Say(3)]);
    stage.see([Said(1), Restarting]).await;
    assert_eq!(stage.vitals.report().mailbox, 2);
    stage.wait_out(FIRST).await;
    stage.see([Said(2), Said(3)]).await;
    assert_eq!(stage.vitals.report().mailbox, 0);
}

#[actix::test]
async fn an_actor_that_stops_itself_goes_on_with_the_messages_behind() {
    let mut stage = Stage::set().await;
    stage.tell([Do::Stop, Do::Say(1)]);
    stage.see([Restarting]).await;
    stage.wait_out(FIRST).await;
    stage.see([Said(1)]).await;
}

#[actix::test]
async fn an_actor_that_panics_in_a_future_or_in_a_timer_comes_back() {
    for culprit in [Do::PanicInFuture, Do::PanicInTimer] {
        let mut stage = Stage::set().await;
        stage.tell([culprit]);
        stage.see([Restarting]).await;
        stage.tell([Do::Say(1)]);
        stage.wait_out(FIRST).await;
        stage.see([Said(1)]).await;
        assert_eq!(stage.restarts(), 1);
    }
}

#[actix::test]
async fn the_sender_of_the_culprit_is_told_and_those_behind_get_their_answers() {
    let mut stage = Stage::set().await;
    let mailbox = stage.mailbox.clone();
    let both =
        actix::spawn(async move { tokio::join!(mailbox.ask(Do::Panic), mailbox.ask(Do::Say(1))) });
    stage.see([Restarting]).await;
    stage.wait_out(FIRST).await;
    let answers = both.await.expect("it does not panic");
    assert!(matches!(answers, (Err(MailboxError::Closed), Ok(()))));
}

#[actix::test]
async fn neighbours_are_not_disturbed() {
    let mut culprit = Stage::set().await;
    let (vitals, clock) = (culprit.vitals.clone(), culprit.clock.clone());
    let mut neighbour = Stage::with(vitals, clock).await;
    culprit.tell([Do::Panic]);
    culprit.see([Restarting]).await;
    neighbour.tell([Do::Say(1)]);
    neighbour.see([Said(1)]).await;
    neighbour.see_nothing().await;
    let report = culprit.vitals.report();
    assert_eq!((report.instances, report.state), (2, "restarting"));
}

#[actix::test]
async fn each_further_fall_waits_twice_as_long_until_a_quiet_minute_has_passed() {
    let mut stage = Stage::set().await;
    for doubling in 0..5 {
        stage.tell([Do::Panic]);
        stage.see([Restarting]).await;
        stage.wait_out(FIRST * (1 << doubling)).await;
    }
    stage.clock.advance(Intensity::USUAL.within);
    stage.tell([Do::Panic]);
    stage.see([Restarting]).await;
    stage.wait_out(FIRST).await;
    assert!(stage.exceeded.is_empty());
}

#[actix::test]
async fn an_actor_that_falls_too_often_is_reported_once_and_comes_back_after_the_longest_wait() {
    let mut stage = Stage::set().await;
    for doubling in 0..Intensity::USUAL.falls {
        stage.tell([Do::Panic]);
        stage.see([Restarting]).await;
        assert!(stage.exceeded.is_empty());
        stage.clock.advance(FIRST * (1 << doubling));
        stage.see([Started]).await;
    }
    stage.tell([Do::Panic, Do::Say(1)]);
    stage.see([Restarting]).await;
    stage.wait_out(Intensity::USUAL.longest_wait).await;
    stage.see([Said(1)]).await;
    assert_eq!(stage.exceeded.len(), 1);
}

#[actix::test]
async fn a_job_that_panics_or_does_not_end_is_not_charged_to_its_actor() {
    let mut stage = Stage::set().await;
    for (fall, reason) in [(Fall::JobPanic, "panic"), (Fall::JobTimeout, "timeout")] {
        for _ in 0..20 {
            stage.tell([Do::Fall(fall)]);
            // The clock stands: there is no wait.
            stage.see([Restarting, Started]).await;
        }
        let last = stage.vitals.report().last_restart;
        assert_eq!(last.map(|last| last.reason), Some(reason));
    }
    assert_eq!(stage.restarts(), 40);
    assert!(stage.exceeded.is_empty());
    stage.tell([Do::Panic]);
    stage.see([Restarting]).await;
    stage.wait_out(FIRST).await;
}

#[actix::test]
async fn what_a_panic_leaves_behind_may_panic_too() {
    for culprit in [Do::LeaveBomb, Do::PanicTwice] {
        let mut stage = Stage::set().await;
        stage.tell([culprit, Do::Say(1)]);
        stage.see_nothing().await;
        stage.clock.advance(FIRST);
        stage.see([Restarting]).await;
        stage.wait_out(FIRST * 2).await;
        stage.see([Said(1)]).await;
        assert_eq!(stage.restarts(), 1);
    }
}

#[actix::test]
async fn an_actor_whose_address_nobody_holds_any_more_ends_and_is_not_restarted() {
    let vitals = Vitals::new("subject", "Subject", None, &Metrics::new("test"));
    let (supervisor, ended) = oneshot::channel::<()>();
    let (events, mut seen) = mpsc::unbounded_channel();
    let make = |_: &mut Context<Subject>, life| Subject {
        events,
        life,
        panics_in_restarting: false,
    };
    // The supervisor holds this for as long as it lives.
    let exceeded = move || assert!(!supervisor.is_closed());
    let clock = Clock::standing_at(Timestamp::UNIX_EPOCH);
    let address = supervise(vitals.clone(), Intensity::USUAL, clock, exceeded, make);
    assert_eq!(seen.recv().await, Some(Started));
    drop(address);
    ended.await.expect_err("nobody sends anything");
    assert_eq!(seen.recv().await, None);
    let report = vitals.report();
    assert_eq!((report.restarts, report.state), (0, "stopped"));
}

#[actix::test]
async fn the_vitals_tell_the_truth_over_a_fall() {
    let mut stage = Stage::set().await;
    let report = stage.vitals.report();
    assert_eq!((report.state, report.instances), ("running", 1));
    assert_eq!((report.handled, report.restarts), (0, 0));
    assert_eq!(report.last_restart, None);

    stage.tell([Do::Say(1), Do::Fall(Fall::Error), Do::Say(2)]);
    assert_eq!(stage.vitals.report().mailbox, 3);
    stage.see([Said(1), Restarting]).await;
    let report = stage.vitals.report();
    assert_eq!((report.state, report.instances), ("restarting", 1));
    assert_eq!((report.handled, report.mailbox), (2, 1));

    stage.wait_out(FIRST).await;
    stage.see([Said(2)]).await;
    let report = stage.vitals.report();
    assert_eq!((report.state, report.restarts), ("running", 1));
    assert_eq!((report.handled, report.mailbox), (3, 0));
    let last = report.last_restart.expect("it was restarted");
    assert_eq!((last.at, last.reason), (stage.clock.now(), "error"));
}

#[test]
fn a_mailbox_that_dies_with_messages_in_it_counts_them_out() {
    let vitals = Vitals::new("subject", "Subject", None, &Metrics::new("test"));
    let system = System::new();
    system.block_on({
        let vitals = vitals.clone();
        async move {
            let clock = Clock::standing_at(Timestamp::UNIX_EPOCH);
            let mut stage = Stage::with(vitals, clock).await;
            stage.tell([Do::Panic, Do::Say(1), Do::Say(2)]);
            stage.see([Restarting]).await;
            assert_eq!(stage.vitals.report().mailbox, 2);
        }
    });
    drop(system);
    assert_eq!(vitals.report().mailbox, 0);
}
