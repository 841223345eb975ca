//! The pages that tell of an error.

use std::time::Duration;

use cadastro::{
    queue::State,
    text::{Locale, Text},
};

use super::{judge, judge_at};
use crate::{
    browser::{PASSWORD, fill_in, log_in},
    databases::raw::Raw,
    support::{
        app::TestApp,
        browser::{Browser, DESKTOP},
        database::{PostgresServer, TestDatabase},
        smtp::{Do, SmtpServer, Step},
        visitor::{Visitor, filled},
    },
};

/// The form came back and is as it should be: it says so above, which has the focus.
async fn judge_notice(browser: &Browser, locale: Locale, key: &str, name: &str) {
    let text = Text::new().expect("the templates agree");
    let sentence = text.sentence(locale, key, &[]);
    // Up to what it names: a time or a reference.
    let expected = sentence.split('{').next().unwrap_or_default();
    let said = browser.text_of(".notice").await;
    assert!(said.starts_with(expected), "{said} is not {sentence}");
    assert_eq!(browser.focused().await, "notice");
    judge(browser, name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_came_back_is_as_it_should_be() {
    for locale in Locale::ALL {
        let database = TestDatabase::sqlite();
        let app = TestApp::start(&database).await;
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        fill_in(&browser, &app, "jo ana").await;
        browser.fill("password", "short").await;
        browser.follow("main [type=submit]").await;
        browser.wait_for("#password_confirmation-errors").await;
        judge(&browser, "signup-errors").await;
        browser.follow("header a[href='/signup']").await;
        browser.follow("main [type=submit]").await;
        browser.wait_for("#email-errors").await;
        judge(&browser, "signup-empty").await;

        log_in(&browser, &app, "", "").await;
        browser.wait_for("#login-errors").await;
        judge(&browser, "login-empty").await;
        log_in(&browser, &app, "maria", "not the password").await;
        browser.wait_for(".summary").await;
        judge(&browser, "login-wrong").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_refuses_is_as_it_should_be() {
    for locale in Locale::ALL {
        let database = TestDatabase::sqlite();
        let app = TestApp::start(&database).await;
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        judge_at(&browser, &app, "/no-such-page", "404").await;
        judge_at(&browser, &app, "/logout", "405").await;

        // What another site would have the browser send.
        let form = format!(
            "data:text/html,<form method=post action='{}/logout'><button>Win</button></form>",
            app.url
        );
        browser.goto(&form).await;
        browser.follow("button").await;
        assert_eq!(browser.text_of(".error-status").await, "403");
        judge(&browser, "403").await;

        fill_in(&browser, &app, "maria").await;
        let lengthen = "document.getElementById('email').value = 'm'.repeat(20000)";
        browser.execute(lengthen).await;
        browser.follow("main [type=submit]").await;
        assert_eq!(browser.text_of(".error-status").await, "413");
        judge(&browser, "413").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_for_those_who_try_too_often_is_as_it_should_be() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_RATE_LIMIT", "on")
        .start()
        .await;
    let program = Visitor::new(&app);
    while program.post("/signup", &[]).await.status != 429 {}
    while program.log_in("maria", "a guess").await.status != 429 {}
    for locale in Locale::ALL {
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        fill_in(&browser, &app, "maria").await;
        browser.follow("main [type=submit]").await;
        judge_notice(&browser, locale, "errors.throttled", "signup-429").await;
        log_in(&browser, &app, "maria", PASSWORD).await;
        judge_notice(&browser, locale, "errors.throttled", "login-429").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_sent_before_with_other_data_is_as_it_should_be() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let sent = filled("maria", "maria@example.com", "a-key");
    Visitor::new(&app)
        .post("/signup", &sent)
        .await
        .with_status(303);
    for locale in Locale::ALL {
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        fill_in(&browser, &app, "joana").await;
        // As browsers do that fill a form again after a crash, hidden fields and all.
        let restore = "document.querySelector('[name=idempotency_key]').value = 'a-key'";
        browser.execute(restore).await;
        browser.follow("main [type=submit]").await;
        judge_notice(&browser, locale, "errors.reused", "signup-reused").await;
        assert_eq!(browser.value("username").await, "joana");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_the_database_is_as_it_should_be() {
    let server = PostgresServer::new();
    let app = TestApp::start(&TestDatabase::on(&server)).await;
    let receipt = Visitor::new(&app).sign_up("maria").await;
    let mut browsers = Vec::new();
    for locale in Locale::ALL {
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        fill_in(&browser, &app, "joana").await;
        browsers.push((locale, browser));
    }
    server.stop();
    for (locale, browser) in browsers {
        browser.follow("main [type=submit]").await;
        judge_notice(&browser, locale, "errors.away", "signup-503").await;
        log_in(&browser, &app, "maria", PASSWORD).await;
        judge_notice(&browser, locale, "errors.away_login", "login-503").await;
        judge_at(&browser, &app, &format!("/signup/{receipt}"), "503").await;
        assert_eq!(browser.text_of(".error-status").await, "503");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_tells_of_a_fault_of_ours_is_as_it_should_be() {
    let database = TestDatabase::postgres();
    let app = TestApp::start(&database).await;
    let receipt = Visitor::new(&app).sign_up("maria").await;
    // Somebody has been at the database: it holds what we never write, and refuses what we do.
    let mut raw = Raw::open(database.url()).await;
    raw.run("UPDATE jobs SET state = 'lost'").await;
    raw.run("UPDATE users SET password_hash = 'lost'").await;
    raw.run("ALTER TABLE users ADD CHECK (username_key <> 'joana')")
        .await;
    for locale in Locale::ALL {
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        judge_at(&browser, &app, &format!("/signup/{receipt}"), "500").await;
        assert_eq!(browser.text_of(".error-status").await, "500");
        browser.wait_for(".reference code").await;
        fill_in(&browser, &app, "joana").await;
        browser.follow("main [type=submit]").await;
        judge_notice(
            &browser,
            locale,
            "errors.unexpected_reference",
            "signup-500",
        )
        .await;
        log_in(&browser, &app, "maria", PASSWORD).await;
        judge_notice(&browser, locale, "errors.unexpected_reference", "login-500").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_whose_letter_was_put_off_or_refused_is_as_it_should_be() {
    for locale in Locale::ALL {
        let server = SmtpServer::start().await;
        let database = TestDatabase::sqlite();
        let app = TestApp::builder(&database)
            .set("SMTP_URL", server.url())
            .start()
            .await;
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        let receipt = crate::browser::sign_up(&browser, &app, "maria").await;
        server.once(Step::Rcpt, Do::Reply("451 4.3.0 Come back later"));
        app.advance(Duration::from_secs(10));
        app.job_reaches(&receipt, "welcome_email", State::Retryable)
            .await;
        browser.wait_for("[data-state=retryable]").await;
        judge(&browser, "receipt-put-off").await;
        server.always(Step::Rcpt, Do::Reply("550 5.1.1 No such user"));
        app.advance(Duration::from_secs(7));
        browser.wait_for("[data-finale]:not([hidden])").await;
        browser.wait_for(".job-failed").await;
        judge(&browser, "receipt-failed").await;
    }
}
