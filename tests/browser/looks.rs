//! Every page fits any screen and breaks no rule, light and dark, on a phone and on a desktop.

mod letters;
mod troubles;

use std::time::Duration;

use cadastro::{queue::State, text::Locale};
use serde_json::json;

use super::{PASSWORD, log_in, sign_up};
use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP},
    database::TestDatabase,
    visitor::{TOKEN, Visitor},
};

/// Fails with all that is wrong with the page that is shown, in any look.
async fn judge(browser: &Browser, name: &str) {
    let faults = browser.faults(name).await;
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The same, of the page at this path.
async fn judge_at(browser: &Browser, app: &TestApp, path: &str, name: &str) {
    browser.goto(&format!("{}{path}", app.url)).await;
    browser.wait_for("main").await;
    judge(browser, name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_from_the_first_to_the_receipt_is_as_it_should_be() {
    for locale in Locale::ALL {
        let database = TestDatabase::sqlite();
        let app = TestApp::start(&database).await;
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        for (name, path) in [
            ("home", "/"),
            ("signup", "/signup"),
            ("login", "/login"),
            ("login-asked-for", "/login?next=/"),
            ("mailbox-empty", "/dev/mailbox"),
        ] {
            judge_at(&browser, &app, path, name).await;
        }
        let receipt = sign_up(&browser, &app, "maria").await;
        let path = format!("/signup/{receipt}");
        judge_at(&browser, &app, &path, "receipt-running").await;
        app.advance(Duration::from_secs(10));
        app.receipt_reaches(&receipt, &[State::Completed]).await;
        judge_at(&browser, &app, &path, "receipt-done").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_is_as_it_should_be_whatever_runs() {
    for locale in Locale::ALL {
        let database = TestDatabase::sqlite();
        let app = TestApp::start(&database).await;
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        // The longest name there can be: nothing is cut off.
        let username = "maria_aparecida-do.nascimento1";
        assert_eq!(username.len(), 30);
        let receipt = sign_up(&browser, &app, username).await;
        log_in(&browser, &app, username, PASSWORD).await;
        browser.wait_for("[data-job]:first-child progress").await;
        judge(&browser, "account-running").await;
        app.advance(Duration::from_secs(10));
        app.receipt_reaches(&receipt, &[State::Completed]).await;
        browser.wait_for("[data-live][hidden]").await;
        judge_at(&browser, &app, "/", "account-done").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_as_it_should_be_when_not_everything_worked() {
    for locale in Locale::ALL {
        let database = TestDatabase::sqlite();
        let app = TestApp::builder(&database)
            .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
            .start()
            .await;
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        let receipt = sign_up(&browser, &app, "maria").await;
        let letter = app
            .job_reaches(&receipt, "welcome_email", State::Scheduled)
            .await;
        let cancel = format!("/api/v1/jobs/{}/cancel", letter.id);
        Visitor::operator(&app)
            .post_json(&cancel, &json!({}))
            .await
            .with_status(200);
        browser.wait_for("[data-job]:first-child.job-stopped").await;
        judge(&browser, "receipt-cancelled").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_decorates_comes_to_rest_within_five_seconds() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(DESKTOP, false, true, "en").await;
    let moving =
        json!({"features": [{"name": "prefers-reduced-motion", "value": "no-preference"}]});
    browser.devtools("Emulation.setEmulatedMedia", moving).await;
    browser.goto(&app.url).await;
    let ends = "return document.getAnimations().map(movement => movement.effect.getComputedTiming().endTime)";
    let ends = browser.execute(ends).await;
    let ends = ends.as_array().expect("a list");
    assert!(!ends.is_empty(), "the picture moves");
    assert!(
        ends.iter()
            .all(|end| end.as_f64().is_some_and(|end| end <= 5000.0)),
        "{ends:?}"
    );
}
