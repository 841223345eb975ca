//! When something is in the way, a visitor is told so, and loses nothing.

use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP, PHONE},
    database::{PostgresServer, TestDatabase},
};

use super::{PASSWORD, fill_in, log_in, receipt, sign_up};

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_while_the_database_is_away_keeps_what_was_typed_and_goes_through_later() {
    let server = PostgresServer::new();
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("DATABASE_URL", server.database())
        .start()
        .await;
    let browser = Browser::open(PHONE, false, true, "en").await;
    fill_in(&browser, &app, "maria").await;
    server.stop();
    browser.follow("main [type=submit]").await;
    let said = browser.text_of(".notice").await;
    assert!(
        said.starts_with("We could not confirm that your details were saved."),
        "{said}"
    );
    assert_eq!(browser.focused().await, "notice");
    assert_eq!(browser.value("username").await, "maria");
    assert_eq!(browser.value("email").await, "maria@example.com");
    assert_eq!(browser.value("password").await, "");
    assert_eq!(browser.value("password_confirmation").await, "");

    log_in(&browser, &app, "maria", PASSWORD).await;
    let said = browser.text_of(".notice").await;
    assert!(said.starts_with("We cannot look up your account"), "{said}");
    assert_eq!(browser.value("login").await, "maria");

    browser.client.back().await.expect("there is a way back");
    server.start();
    sign_up(&browser, &app, "maria").await;
    assert_eq!(app.store.users(None, 10).await.expect("users").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_quick_clicks_make_one_user_with_and_without_javascript() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    for (javascript, users) in [(true, 1), (false, 2)] {
        let browser = Browser::open(DESKTOP, false, javascript, "en").await;
        fill_in(&browser, &app, &format!("maria{users}")).await;
        browser.double_click("main [type=submit]").await;
        browser.wait_for("#jobs").await;
        receipt(&browser, &app).await;
        assert_eq!(app.store.users(None, 10).await.expect("users").len(), users);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_exist_says_so_and_leads_home() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(PHONE, true, true, "pt-BR").await;
    browser.goto(&format!("{}/nowhere", app.url)).await;
    assert_eq!(browser.text_of("h1").await, "Página não encontrada");
    browser.follow("main a[href='/']").await;
    browser.wait_for(".hero").await;
}
