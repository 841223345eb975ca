//! Every page fits its screen and breaks no rule, light and dark, on a phone and on a desktop.

use std::time::Duration;

use cadastro::queue::State;

use super::sign_up;
use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP},
    database::TestDatabase,
};

async fn is_as_it_should_be(browser: &Browser, url: &str, name: &str) {
    browser.goto(url).await;
    browser.wait_for("main").await;
    let faults = browser.faults(name).await;
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_its_screen_and_is_open_to_everybody() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    for locale in ["pt-BR", "en"] {
        let browser = Browser::open(DESKTOP, false, true, locale).await;
        let receipt = sign_up(&browser, &app, &format!("maria-{locale}")).await;
        let running = format!("/signup/{receipt}");
        let pages = [
            ("home", "/"),
            ("signup", "/signup"),
            ("login", "/login"),
            ("lost", "/no-such-page"),
        ];
        for (name, path) in pages {
            is_as_it_should_be(&browser, &format!("{}{path}", app.url), name).await;
        }
        is_as_it_should_be(&browser, &format!("{}{running}", app.url), "running").await;
        app.advance(Duration::from_secs(10));
        app.receipt_reaches(&receipt, &[State::Completed]).await;
        for (name, path) in [("receipt", running.as_str()), ("mailbox", "/dev/mailbox")] {
            is_as_it_should_be(&browser, &format!("{}{path}", app.url), name).await;
        }
    }
}
