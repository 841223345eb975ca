//! Without JavaScript the receipt comes again by itself, until its visitor stops it or all has ended.

use std::time::Duration;

use cadastro::queue::State;

use crate::support::{app::TestApp, database::TestDatabase, page::Page, visitor::Visitor};

/// After how many seconds a page comes again, if it does.
fn refresh(page: &Page) -> Option<&str> {
    let meta = page
        .named("meta")
        .find(|meta| meta.get("http-equiv") == Some("refresh"))?;
    meta.get("content")
}

/// Where the link leads that stops the refreshing, or starts it again.
fn way(page: &Page) -> Option<&str> {
    let beside_the_title = page.with_class("live").next()?;
    let link = page
        .named("a")
        .find(|link| link.is_within(beside_the_title))?;
    link.get("href")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_comes_again_soon_while_jobs_run_and_no_more_once_they_have_ended() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let receipt = visitor.sign_up("maria").await;
    let path = format!("/signup/{receipt}");
    assert_eq!(refresh(&visitor.get(&path).await), Some("5"));

    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt, &[State::Completed]).await;
    for path in [path.clone(), format!("{path}?still")] {
        let page = visitor.get(&path).await.with_status(200);
        assert_eq!((refresh(&page), way(&page)), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_waits_comes_again_when_the_next_job_is_due() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_SIMPLE_TASK", "0s")
        .set("CADASTRO_PARAMETER_TASK", "0s")
        .set("CADASTRO_WELCOME_DELAY", "90s")
        .start()
        .await;
    let visitor = Visitor::new(&app);
    let receipt = visitor.sign_up("maria").await;
    for kind in ["simple_task", "parameter_task"] {
        app.job_reaches(&receipt, kind, State::Completed).await;
    }
    let path = format!("/signup/{receipt}");
    // No longer than a minute, since an operator may say "now".
    assert_eq!(refresh(&visitor.get(&path).await), Some("60"));
    app.advance(Duration::from_secs(60));
    assert_eq!(refresh(&visitor.get(&path).await), Some("30"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_the_refreshing_can_start_it_again() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let receipt = visitor.sign_up("maria").await;
    let path = format!("/signup/{receipt}");
    let still = format!("{path}?still");

    let page = visitor.get(&path).await.with_status(200);
    assert_eq!(way(&page), Some(still.as_str()));
    let page = visitor.get(&still).await.with_status(200);
    assert_eq!((refresh(&page), way(&page)), (None, Some(path.as_str())));
    // A script goes on all the same: what it changes, it changes in place.
    let jobs = page.by_id("jobs").expect("the list");
    assert!(jobs.get("data-events").is_some());
}
