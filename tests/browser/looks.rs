//! Every page in every look: nothing too wide, nothing in the console, no rule of WCAG 2.2 A or AA broken.

use std::time::Duration;

use cadastro::{actors::Door, queue::State};

use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP, pictures},
    database::{PostgresServer, TestDatabase},
    smtp::{Do, SmtpServer, Step},
};

use super::{PASSWORD, fill_in, log_in, sign_up};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_as_it_should_be_in_portuguese() {
    pages("pt-BR").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_as_it_should_be_in_english() {
    pages("en").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_trouble_is_as_it_should_be_in_portuguese() {
    troubles("pt-BR").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_trouble_is_as_it_should_be_in_english() {
    troubles("en").await;
}

/// A visitor who looks closely at page after page.
struct Critic {
    browser: Browser,
    faults: Vec<String>,
}

impl Critic {
    async fn speaking(locale: &str) -> Self {
        Critic {
            browser: Browser::open(DESKTOP, false, true, locale).await,
            faults: Vec::new(),
        }
    }

    /// Goes to a page, and looks at it.
    async fn visit(&mut self, url: &str, page: &str) {
        self.browser.goto(url).await;
        self.look(page).await;
    }

    /// Looks at the page that is shown.
    async fn look(&mut self, page: &str) {
        self.faults.extend(self.browser.faults(page).await);
    }

    fn is_content(self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }
}

/// A name as long as names get, at an address without a place to break.
const LONG: &str = "maximiliana-aparecida-figueir3";

async fn pages(locale: &str) {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let url = &app.url;
    let mut critic = Critic::speaking(locale).await;
    critic.visit(url, "home").await;
    critic.visit(&format!("{url}/nowhere"), "404").await;
    critic
        .visit(&format!("{url}/dev/mailbox"), "mailbox-empty")
        .await;
    critic.visit(&format!("{url}/login"), "login").await;
    log_in(&critic.browser, &app, "maria", "wrong").await;
    critic.look("login-wrong").await;
    critic.visit(&format!("{url}/signup"), "signup").await;
    critic.browser.fill("username", "má ria").await;
    critic.browser.fill("email", "maria@example").await;
    critic.browser.fill("password", "12345678a").await;
    critic.browser.follow("main [type=submit]").await;
    critic.look("signup-wrong").await;

    let receipt = sign_up(&critic.browser, &app, "maria").await;
    app.advance(Duration::from_millis(3500));
    critic.browser.wait_for("progress[value='35']").await;
    critic.look("receipt-running").await;
    app.advance(Duration::from_millis(6500));
    critic.browser.wait_for("[data-finale]:not([hidden])").await;
    critic.look("receipt-done").await;
    app.receipt_reaches(&receipt, &[State::Completed]).await;
    critic
        .visit(&format!("{url}/dev/mailbox/1"), "letter")
        .await;
    critic
        .visit(&format!("{url}/dev/mailbox/1/html"), "letter-html")
        .await;

    sign_up(&critic.browser, &app, LONG).await;
    app.advance(Duration::from_secs(6));
    critic.browser.wait_for(".job-done").await;
    critic.look("receipt-long-name").await;
    log_in(&critic.browser, &app, LONG, PASSWORD).await;
    critic.browser.wait_for("[data-live]:not([hidden])").await;
    critic.look("account-running").await;
    app.advance(Duration::from_secs(15));
    critic.browser.wait_for("[data-live][hidden]").await;
    critic.look("account-done").await;
    critic.visit(&format!("{url}/dev/mailbox"), "mailbox").await;
    critic.is_content();
}

async fn troubles(locale: &str) {
    let mut critic = Critic::speaking(locale).await;
    a_letter_that_is_refused(&mut critic).await;
    too_many_tries(&mut critic).await;
    a_database_in_trouble(&mut critic).await;
    critic.is_content();
}

async fn a_letter_that_is_refused(critic: &mut Critic) {
    let mail = SmtpServer::start().await;
    mail.once(Step::Rcpt, Do::Reply("450 4.2.0 Come back later"));
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("SMTP_URL", mail.url())
        .start()
        .await;
    let receipt = sign_up(&critic.browser, &app, "maria").await;
    app.advance(Duration::from_secs(10));
    app.job_reaches(&receipt, "welcome_email", State::Retryable)
        .await;
    critic.browser.wait_for("[data-state=retryable]").await;
    critic.look("receipt-retrying").await;
    mail.always(Step::Rcpt, Do::Reply("550 5.1.1 No such user"));
    app.advance(Duration::from_secs(3600));
    critic.browser.wait_for("[data-finale]:not([hidden])").await;
    critic.look("receipt-failed").await;
}

async fn too_many_tries(critic: &mut Critic) {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_RATE_LIMIT", "on")
        .start()
        .await;
    let here = "127.0.0.1".parse().expect("an address");
    for door in [Door::SignUp, Door::LogIn] {
        while app.registrar.admit(door, here).await.is_ok() {}
    }
    fill_in(&critic.browser, &app, "maria").await;
    critic.browser.follow("main [type=submit]").await;
    critic.browser.wait_for(".notice").await;
    critic.look("signup-429").await;
    log_in(&critic.browser, &app, "maria", PASSWORD).await;
    critic.look("login-429").await;
}

async fn a_database_in_trouble(critic: &mut Critic) {
    let server = PostgresServer::new();
    let (url, database) = (server.database(), TestDatabase::sqlite());
    let app = TestApp::builder(&database)
        .set("DATABASE_URL", &url)
        .start()
        .await;
    let receipt = sign_up(&critic.browser, &app, "maria").await;
    let receipt = format!("{}/signup/{receipt}", app.url);

    // As if a person had meddled: what then goes wrong is nobody's plan.
    let (meddler, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .expect("PostgreSQL answers");
    tokio::spawn(connection);
    let meddling = meddler
        .batch_execute("ALTER TABLE signups RENAME TO gone")
        .await;
    meddling.expect("a table can be renamed");
    critic.visit(&receipt, "500").await;
    critic.browser.wait_for(".reference").await;

    server.stop();
    critic.visit(&receipt, "503").await;
    fill_in(&critic.browser, &app, "maria").await;
    critic.browser.follow("main [type=submit]").await;
    critic.look("signup-away").await;
    log_in(&critic.browser, &app, "maria", PASSWORD).await;
    critic.look("login-away").await;
}
