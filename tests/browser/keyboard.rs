//! All of it by keyboard alone, with JavaScript and without.

use std::time::Duration;

use cadastro::queue::State;

use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP, PHONE},
    database::TestDatabase,
};

use super::{PASSWORD, receipt, sign_up};

/// More than any page has that can be reached.
const MANY: usize = 40;

/// Whether the focus can be seen: a ring around what has it or around its box, inside the window.
const SEEN: &str = "
    const element = document.activeElement;
    const ring = getComputedStyle(element.closest('.control:has(input:focus)') ?? element);
    const place = element.getBoundingClientRect();
    return ring.outlineStyle === 'solid' && parseFloat(ring.outlineWidth) >= 2
        && place.bottom > 0 && place.top < innerHeight && place.right > 0 && place.left < innerWidth";

/// Moves on with Tab until the focus is on the element that `css` means.
async fn tab_to(browser: &Browser, css: &str) {
    let reached = format!("return document.activeElement.matches(\"{css}\")");
    let mut heard = false;
    for _ in 0..MANY {
        let focused = browser.tab().await;
        heard |= focused != "body";
        if !heard {
            // A page that is not painted yet, as on a busy machine, hears no key.
            continue;
        }
        assert_eq!(browser.execute(SEEN).await, true, "{focused} is not seen");
        if browser.execute(&reached).await == true {
            return;
        }
    }
    panic!("no key leads to {css}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough_from_the_first_page_to_the_log_out() {
    walk(DESKTOP, true, "en").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_the_keyboard_is_enough_from_the_first_page_to_the_log_out() {
    walk(PHONE, false, "pt-BR").await;
}

async fn walk(size: (u32, u32), javascript: bool, locale: &str) {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(size, false, javascript, locale).await;
    browser.goto(&app.url).await;
    tab_to(&browser, "main a[href='/signup']").await;
    browser.enter().await;

    // Everything right but the second entry of the password: the summary has the focus, and leads to the field.
    tab_to(&browser, "#username").await;
    browser.press("maria").await;
    tab_to(&browser, "#email").await;
    browser.press("maria@example.com").await;
    tab_to(&browser, "#password").await;
    browser.press(PASSWORD).await;
    tab_to(&browser, "#password_confirmation").await;
    browser.press("something else").await;
    tab_to(&browser, "main [type=submit]").await;
    browser.enter().await;
    assert_eq!(browser.focused().await, "summary");
    assert_eq!(browser.execute(SEEN).await, true);
    tab_to(&browser, ".summary a[href='#password_confirmation']").await;
    browser.press("\u{e007}").await;
    assert_eq!(browser.focused().await, "password_confirmation");
    browser.press(PASSWORD).await;
    back_to(&browser, "#password").await;
    browser.press(PASSWORD).await;
    browser.enter().await;

    let receipt = receipt(&browser, &app).await;
    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt, &[State::Completed]).await;
    browser.wait_for(".finale").await;
    tab_to(&browser, ".finale a").await;
    browser.enter().await;

    tab_to(&browser, "main [type=submit]").await;
    browser.enter().await;
    assert_eq!(browser.focused().await, "summary");
    tab_to(&browser, "#login").await;
    browser.press("maria").await;
    tab_to(&browser, "#password").await;
    browser.press("not the password").await;
    browser.enter().await;
    assert_eq!(browser.focused().await, "summary");
    tab_to(&browser, "#password").await;
    browser.press(PASSWORD).await;
    browser.enter().await;

    browser.wait_for(".account-heading").await;
    tab_to(&browser, "[action='/logout'] button").await;
    browser.enter().await;
    browser.wait_for(".hero").await;
    browser.wait_for("header a[href='/login']").await;
    assert_eq!(browser.complaints().await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_the_keyboard_stops_the_refreshing_and_starts_it_again() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(DESKTOP, false, false, "en").await;
    let receipt = sign_up(&browser, &app, "maria").await;
    tab_to(&browser, ".live a").await;
    browser.enter().await;
    browser.wait_for_text("This page stays as it is.").await;
    let head = browser.execute("return document.head.innerHTML").await;
    assert!(!head.to_string().contains("refresh"), "{head}");

    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt, &[State::Completed]).await;
    let shown = browser.execute("return document.querySelectorAll('.job-done').length");
    assert_eq!(shown.await, 0, "nothing has moved");
    tab_to(&browser, ".live a").await;
    browser.enter().await;
    browser.wait_for(".job-done:nth-child(3)").await;
}

/// Moves back with Shift and Tab until the focus is on the element that `css` means.
async fn back_to(browser: &Browser, css: &str) {
    let reached = format!("return document.activeElement.matches(\"{css}\")");
    for _ in 0..MANY {
        browser.tab_back().await;
        if browser.execute(&reached).await == true {
            return;
        }
    }
    panic!("no key leads back to {css}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_leads_past_the_navigation_and_a_password_can_be_shown() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(DESKTOP, false, true, "en").await;
    browser.goto(&format!("{}/signup", app.url)).await;
    browser.wait_for_paint().await;
    assert_eq!(browser.tab().await, "skip");
    assert_eq!(browser.execute(SEEN).await, true);
    browser.press("\u{e007}").await;
    assert_eq!(browser.tab().await, "username");

    // The button that shows the password, pressed with the space bar and with Enter.
    let kind = "return document.getElementById('password').type";
    tab_to(&browser, ".reveal").await;
    assert_eq!(browser.execute(kind).await, "password");
    browser.press(" ").await;
    assert_eq!(browser.execute(kind).await, "text");
    assert_eq!(browser.text_of(".reveal").await, "Hide");
    assert_eq!(browser.focused().await, "reveal");
    browser.press("\u{e007}").await;
    assert_eq!(browser.execute(kind).await, "password");
    assert_eq!(browser.text_of(".reveal").await, "Show");
}
