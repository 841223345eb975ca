//! A database that takes calls and says nothing, or not in time.

use std::time::Duration;

use cadastro::queue::State;
use futures_util::future::join_all;

use super::{Busy, ERRAND, PATIENCE, an_outage, form};
use crate::support::{
    app::TestApp,
    database::PostgresServer,
    visitor::{PASSWORD, Visitor},
    wire::{Mode, Trap, Wire},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_says_nothing_is_waited_for() {
    an_outage(Mode::Hold).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_answers_too_late_is_waited_for() {
    an_outage(Mode::Delay(Duration::from_secs(3))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_many_questions_waits_no_longer_than_one_with_a_single_question() {
    let server = PostgresServer::new();
    let wire = Wire::to(&server).await;
    let app = TestApp::builder(&wire.database());
    let app = app.set("CADASTRO_RATE_LIMIT", "on").start().await;
    let visitor = Visitor::with_patience(&app, PATIENCE);
    visitor.sign_up("maria").await;
    // Every question is answered in time, but not all of them.
    wire.set(Mode::Delay(Duration::from_millis(250))).await;
    visitor.log_in("maria", PASSWORD).await.with_status(503);
    form(&visitor, "joana").await.is_away(&visitor).await;
    wire.set(Mode::Pass).await;
    visitor.log_in("maria", PASSWORD).await.with_status(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fell_silent_for_good_are_not_tried_one_by_one() {
    let server = PostgresServer::new();
    let wire = Wire::to(&server).await;
    let busy = Busy::on(&wire.database()).await;
    let visitor = Visitor::with_patience(&busy.app, PATIENCE);
    let form = form(&visitor, "maria").await;
    // As many connections are open as the store keeps.
    let pings = (0..50).map(|_| busy.app.store.ping());
    assert!(join_all(pings).await.iter().all(Result::is_ok));
    wire.forget();
    busy.app.clock.advance(ERRAND);
    let taken = form.is_taken(&visitor);
    let settled = tokio::time::timeout(PATIENCE, busy.errand_is(State::Completed));
    let (_, settled) = tokio::join!(taken, settled);
    assert_eq!(settled.expect("it is written down in time").attempt, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fell_silent_does_not_hold_up_the_next_ones() {
    let server = PostgresServer::new();
    let wire = Wire::to(&server).await;
    let app = TestApp::start(&wire.database()).await;
    let visitor = Visitor::with_patience(&app, PATIENCE);
    let form = form(&visitor, "maria").await;
    // The server holds what was written, and waits for a word that never arrives.
    let silent = wire.trap("maria@", "COMMIT", Trap::Silence);
    form.is_away(&visitor).await;
    silent.await.expect("it was said");
    let receipt = form.is_taken(&visitor).await;
    assert_eq!(app.store.users(None, 10).await.expect("an answer").len(), 1);
    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt, &[State::Completed]).await;
}
