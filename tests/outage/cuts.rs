//! Connections that are cut, and a server that is started again.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use cadastro::queue::State;
use futures_util::future::join_all;

use super::{Form, PATIENCE, form};
use crate::support::{
    app::TestApp,
    database::{PostgresServer, TestDatabase},
    visitor::{Visitor, receipt_of},
    wire::{Trap, Wire},
};

/// A sign-up whose connection is cut where it would be saved: how many users are there then.
async fn cut_at_the_commit(trap: Trap) -> usize {
    let server = PostgresServer::new();
    let wire = Wire::to(&server).await;
    let app = TestApp::start(&wire.database()).await;
    let visitor = Visitor::with_patience(&app, PATIENCE);
    let form = form(&visitor, "maria").await;
    let cut = wire.trap("maria@", "COMMIT", trap);
    form.is_away(&visitor).await;
    cut.await.expect("it was said");
    let users = app.store.users(None, 10).await.expect("an answer").len();

    // The same form settles it, whatever became of the first.
    let receipt = receipt_of(&form.send(&visitor).await.with_status(303));
    assert_eq!(receipt_of(&form.send(&visitor).await), receipt);
    assert_eq!(app.store.users(None, 10).await.expect("an answer").len(), 1);
    let jobs = app.store.receipt(&receipt).await.expect("an answer");
    assert_eq!(jobs.expect("the receipt").jobs.len(), 3);
    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt, &[State::Completed]).await;
    users
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_cut_before_its_commit_leaves_nothing() {
    assert_eq!(cut_at_the_commit(Trap::CutBefore).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_whose_answer_was_lost_is_there_whole_and_the_same_form_leads_to_it() {
    assert_eq!(cut_at_the_commit(Trap::CutAfter).await, 1);
}

/// Visitors who sign up one after the other until told to stop, each until they are let in.
async fn throng(app: &TestApp, number: usize, enough: &AtomicBool) -> Vec<(Form, String)> {
    let visitor = Visitor::with_patience(app, PATIENCE);
    let mut taken = Vec::new();
    while !enough.load(Relaxed) {
        let username = format!("visitor-{number}-{}", taken.len());
        let form = form(&visitor, username.leak()).await;
        let receipt = form.is_taken(&visitor).await;
        taken.push((form, receipt));
    }
    taken
}

/// Breaks things while visitors sign up and their tasks run: everybody gets what they were promised.
async fn under_load(database: &TestDatabase, trouble: impl AsyncFnOnce(&TestApp)) {
    // No task has to wait for another's end.
    let app = TestApp::builder(database).set("CADASTRO_TASK_ACTORS", "1000");
    let app = app.start().await;
    let enough = AtomicBool::new(false);
    let throng = join_all((0..8).map(|number| throng(&app, number, &enough)));
    let trouble = async {
        trouble(&app).await;
        enough.store(true, Relaxed);
    };
    let (taken, ()) = tokio::join!(throng, trouble);
    let visitor = Visitor::new(&app);
    let taken: Vec<_> = taken.into_iter().flatten().collect();
    let users = app.store.users(None, 10_000).await.expect("an answer");
    assert_eq!(users.len(), taken.len(), "one user for each form");
    for (form, receipt) in &taken {
        assert_eq!(&receipt_of(&form.send(&visitor).await), receipt);
    }
    // What failed in the midst of it is due again before long. An attempt that the clock overtakes would have
    // taken an hour, which is too long: it ends first.
    let ended = [State::Completed, State::Retryable];
    for _ in 0..3 {
        app.advance(Duration::from_secs(3600));
        for (_, receipt) in &taken {
            app.receipt_reaches(receipt, &ended).await;
        }
    }
    for (_, receipt) in &taken {
        let jobs = app.receipt_reaches(receipt, &[State::Completed]).await;
        assert_eq!(jobs.len(), 3);
    }
}

/// Waits until so many more visitors have been let in.
async fn more_users(app: &TestApp, more: usize) {
    let mut before = None;
    loop {
        if let Ok(users) = app.store.users(None, 10_000).await
            && users.len() >= *before.get_or_insert(users.len()) + more
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_restarted_under_load_loses_nothing() {
    let server = PostgresServer::new();
    under_load(&TestDatabase::on(&server), async |app| {
        for _ in 0..3 {
            more_users(app, 10).await;
            server.stop();
            server.start();
        }
        more_users(app, 10).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_under_load_lose_nothing() {
    let server = PostgresServer::new();
    let wire = Wire::to(&server).await;
    under_load(&wire.database(), async |app| {
        for _ in 0..10 {
            more_users(app, 5).await;
            wire.cut();
        }
        more_users(app, 5).await;
    })
    .await;
}
