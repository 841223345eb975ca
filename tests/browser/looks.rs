//! Every page fits any screen and breaks no rule, light and dark, on a phone and on a desktop.

mod letters;
mod troubles;

use std::time::{Duration, Instant};

use cadastro::{queue::State, text::Locale};
use serde_json::json;

use super::{PASSWORD, log_in, sign_up};
use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP, PATIENCE},
    database::TestDatabase,
    visitor::{TOKEN, Visitor},
};

/// Takes what is for readers without JavaScript out of its `noscript`. A refresh goes: axe-core condemns every one,
/// even one that its reader can stop.
const UNWRAP: &str = "
    for (const wrap of document.querySelectorAll('noscript')) wrap.replaceWith(...wrap.childNodes);
    document.querySelector('[http-equiv=refresh]')?.remove()";

/// When each movement of the page ends, in milliseconds since it began. All begin anew, as what is shown again does:
/// on a busy machine they may be over before anybody asks, and the browser lists only those that are not. To be asked
/// for them makes it apply what was changed.
const ENDS_OF_MOVEMENTS: &str = "
    document.body.hidden = true;
    document.getAnimations();
    document.body.hidden = false;
    return document.getAnimations().map(movement => movement.effect.getComputedTiming().endTime)";

/// What there is to know of a page on which nothing moves.
const STATE: &str = "
    return [location.href, document.title, document.readyState, document.visibilityState, document.styleSheets.length,
        matchMedia('(prefers-reduced-motion: reduce)').matches]";

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
        app.advance(Duration::from_secs(10));
        browser.wait_for(".finale").await;
        judge(&browser, "receipt-cancelled-done").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_a_receipt_is_as_it_should_be_refreshed_and_still() {
    for locale in Locale::ALL {
        let database = TestDatabase::sqlite();
        // Nothing but the letter is left: the page comes again after a minute, when all has been judged.
        let app = TestApp::builder(&database)
            .set("CADASTRO_SIMPLE_TASK", "0s")
            .set("CADASTRO_PARAMETER_TASK", "0s")
            .set("CADASTRO_WELCOME_DELAY", "1h")
            .start()
            .await;
        let receipt = Visitor::new(&app).sign_up("maria").await;
        for kind in ["simple_task", "parameter_task"] {
            app.job_reaches(&receipt, kind, State::Completed).await;
        }
        let browser = Browser::open(DESKTOP, false, false, locale.tag()).await;
        for (query, name) in [("", "receipt-refreshed"), ("?still", "receipt-still")] {
            browser.run_scripts(false).await;
            let page = format!("{}/signup/{receipt}{query}", app.url);
            browser.goto(&page).await;
            browser.wait_for(".live a").await;
            // The script that judges needs timers, and with scripts on, what is for readers without them is hidden.
            browser.run_scripts(true).await;
            browser.execute(UNWRAP).await;
            judge(&browser, name).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_decorates_comes_to_rest_within_five_seconds() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(DESKTOP, false, true, "en").await;
    browser.goto(&app.url).await;
    browser.wait_for_paint().await;
    let moving =
        json!({"features": [{"name": "prefers-reduced-motion", "value": "no-preference"}]});
    browser.devtools("Emulation.setEmulatedMedia", moving).await;
    let begun = Instant::now();
    let ends = loop {
        let ends = browser.execute(ENDS_OF_MOVEMENTS).await;
        let ends = ends.as_array().expect("a list").clone();
        if !ends.is_empty() {
            break ends;
        }
        let page = browser.execute(STATE).await;
        assert!(begun.elapsed() < PATIENCE, "the picture moves: {page}");
    };
    assert!(
        ends.iter()
            .all(|end| end.as_f64().is_some_and(|end| end <= 5000.0)),
        "{ends:?}"
    );
}
