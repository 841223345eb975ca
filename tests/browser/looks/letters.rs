//! The letters: their page in the outbox, and their own HTML as mail programs show it.

use std::time::Duration;

use cadastro::{queue::State, text::Locale};
use serde_json::json;

use super::{judge, judge_at};
use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP},
    database::TestDatabase,
    visitor::Visitor,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_letter_is_as_it_should_be_in_the_outbox_and_by_itself() {
    for locale in Locale::ALL {
        let database = TestDatabase::sqlite();
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app).speaking(locale.tag());
        for (username, letter) in [("maria", "welcome"), ("mary", "taken")] {
            let answer = visitor.sign_up_as(username, "maria@example.com").await;
            let receipt = crate::support::visitor::receipt_of(&answer.with_status(303));
            app.advance(Duration::from_secs(10));
            app.receipt_reaches(&receipt, &[State::Completed]).await;

            let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
            browser.goto(&format!("{}/dev/mailbox", app.url)).await;
            browser.follow(".letters li:first-child a").await;
            browser.wait_for("iframe").await;
            judge(&browser, &format!("letter-{letter}")).await;

            // In its frame no script runs, not even one that judges.
            let path = format!("{}/html", browser.path().await);
            let html = visitor.get(&path).await.with_status(200).body;
            browser.goto("about:blank").await;
            let show = format!("document.write({})", json!(html));
            browser.execute(&show).await;
            browser.wait_for("h1").await;
            judge(&browser, &format!("letter-{letter}-html")).await;
        }
        let browser = Browser::open(DESKTOP, false, true, locale.tag()).await;
        judge_at(&browser, &app, "/dev/mailbox", "mailbox").await;
    }
}
