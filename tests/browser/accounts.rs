//! Logging in, the account page, logging out; and the language of it all.

use std::time::Duration;

use cadastro::queue::State;

use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP, PHONE},
    database::TestDatabase,
};

use super::{PASSWORD, log_in, sign_up};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_by_name_or_by_e_mail_watches_the_account_and_logs_out() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(DESKTOP, false, true, "en").await;
    let receipt = sign_up(&browser, &app, "maria").await;
    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt, &[State::Completed]).await;

    for login in ["Maria", "MARIA@example.com"] {
        log_in(&browser, &app, login, PASSWORD).await;
        assert_eq!(browser.path().await, "/");
        assert_eq!(browser.text_of("h1").await, "Hello, maria!");
        assert!(browser.text_of("dl").await.contains("maria@example.com"));

        browser.wait_for("[data-live]:not([hidden])").await;
        browser.wait_for("[data-job]:first-child progress").await;
        app.advance(Duration::from_secs(5));
        browser
            .wait_for("[data-job]:first-child progress[value='50']")
            .await;
        app.advance(Duration::from_secs(5));
        browser.wait_for("[data-job]:first-child.job-done").await;
        browser.wait_for("[data-live][hidden]").await;

        browser.follow("header [action='/logout'] button").await;
        browser.wait_for("header a[href='/login']").await;
        browser.goto(&app.url).await;
        browser.wait_for(".hero").await;
    }
    assert_eq!(browser.complaints().await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_wrong_name_get_the_same_page() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(PHONE, false, true, "pt-BR").await;
    sign_up(&browser, &app, "maria").await;
    for (login, password) in [("maria", "not the password"), ("nobody", PASSWORD)] {
        log_in(&browser, &app, login, password).await;
        let said = browser.text_of(".summary").await;
        assert!(
            said.contains("Usuário, e-mail ou senha incorretos."),
            "{said}"
        );
        assert_eq!(browser.focused().await, "summary");
        assert_eq!(browser.value("login").await, login);
        assert_eq!(browser.value("password").await, "");
        let title = browser.client.title().await.expect("a title");
        assert!(title.starts_with("Erro: Entrar"), "{title}");
    }
    log_in(&browser, &app, " ", PASSWORD).await;
    browser.wait_for_text("Informe").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_changed_at_the_foot_of_any_page_and_stays() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(PHONE, false, true, "en").await;
    let receipt = sign_up(&browser, &app, "maria").await;
    let receipt = format!("/signup/{receipt}");
    for path in [
        "/",
        "/signup",
        "/login",
        "/dev/mailbox",
        "/nowhere",
        &receipt,
    ] {
        browser.goto(&format!("{}{path}", app.url)).await;
        for locale in ["pt-BR", "en"] {
            browser.follow(&format!("footer [value='{locale}']")).await;
            assert_eq!(browser.path().await, path);
            browser.wait_for(&format!("html[lang='{locale}']")).await;
            browser
                .wait_for(&format!("footer [value='{locale}'][aria-current]"))
                .await;
        }
    }
    browser.follow("footer [value='pt-BR']").await;
    log_in(&browser, &app, "maria", PASSWORD).await;
    assert_eq!(browser.text_of("h1").await, "Olá, maria!");
}
