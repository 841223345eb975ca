//! What visitors see and do, each in a browser of their own.
//!
//! With `CADASTRO_SCREENSHOTS=FOLDER` they also leave a picture of every page in that folder.

mod accounts;
mod forms;
mod keyboard;
mod looks;
mod receipts;
mod troubles;

use cadastro::queue::State;

use crate::support::{app::TestApp, browser::Browser};

const PASSWORD: &str = "correct horse battery staple";

/// Opens the sign-up form and fills it in; the address is at example.com.
async fn fill_in(browser: &Browser, app: &TestApp, username: &str) {
    browser.goto(&format!("{}/signup", app.url)).await;
    browser.fill("username", username).await;
    let email = format!("{username}@example.com");
    browser.fill("email", &email).await;
    browser.fill("password", PASSWORD).await;
    browser.fill("password_confirmation", PASSWORD).await;
}

/// Signs up, and gives the receipt once both tasks run.
async fn sign_up(browser: &Browser, app: &TestApp, username: &str) -> String {
    fill_in(browser, app, username).await;
    browser.follow("main [type=submit]").await;
    receipt(browser, app).await
}

/// The receipt that the browser shows, once both of its tasks run.
async fn receipt(browser: &Browser, app: &TestApp) -> String {
    let path = browser.path().await;
    let receipt = path.strip_prefix("/signup/");
    let receipt = receipt.unwrap_or_else(|| panic!("{path} is no receipt"));
    for kind in ["simple_task", "parameter_task"] {
        app.job_reaches(receipt, kind, State::Executing).await;
    }
    receipt.to_owned()
}

/// Fills in the log-in form and sends it.
async fn log_in(browser: &Browser, app: &TestApp, login: &str, password: &str) {
    browser.goto(&format!("{}/login", app.url)).await;
    browser.fill("login", login).await;
    browser.fill("password", password).await;
    browser.follow("main [type=submit]").await;
}
