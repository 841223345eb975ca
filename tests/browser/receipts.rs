//! From the empty form to the letter: the receipt comes alive, and its story ends well.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP, PHONE},
    database::TestDatabase,
};

use super::{receipt, sign_up};

/// What a story sounds like in one language.
struct Words {
    locale: &'static str,
    received: &'static str,
    running: &'static str,
    halfway: &'static str,
    simple_task_done: &'static str,
    results: [&'static str; 3],
    done: &'static str,
    news: &'static str,
    subject: &'static str,
    letter: &'static str,
}

const PORTUGUESE: Words = Words {
    locale: "pt-BR",
    received: "Recebemos seu cadastro, joão!",
    running: "Em andamento",
    halfway: "50%",
    simple_task_done: "Tarefa simples: Concluída.",
    results: [
        "Mensagem enviada.",
        "Tarefa simples concluída!",
        "Tarefa com parâmetro concluída! Referente ao usuário joão",
    ],
    done: "Tudo pronto.",
    news: "Tarefa com parâmetro: Concluída.",
    subject: "E-mail de boas-vindas!",
    letter: "Olá joão, seja bem-vindo ao nosso site.",
};

const ENGLISH: Words = Words {
    locale: "en",
    received: "We have your sign-up, joão!",
    running: "Running",
    halfway: "50%",
    simple_task_done: "Simple task: Done.",
    results: [
        "Message sent.",
        "Simple task completed!",
        "Task with a parameter completed! For the user joão",
    ],
    done: "All done.",
    news: "Task with a parameter: Done.",
    subject: "Welcome to Cadastro!",
    letter: "Hello joão, welcome to our site.",
};

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_in_portuguese_comes_alive_to_the_end() {
    live(DESKTOP, &PORTUGUESE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_in_english_comes_alive_to_the_end() {
    live(PHONE, &ENGLISH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_a_sign_up_in_portuguese_shows_itself_to_the_end() {
    refreshed(PHONE, &PORTUGUESE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_a_sign_up_in_english_shows_itself_to_the_end() {
    refreshed(DESKTOP, &ENGLISH).await;
}

/// From the first page to the receipt, as visitors go.
async fn begin(browser: &Browser, app: &TestApp, words: &Words) {
    browser.goto(&app.url).await;
    let lang = browser
        .execute("return document.documentElement.lang")
        .await;
    assert_eq!(lang, words.locale);
    browser.follow("main a[href='/signup']").await;
    browser.fill("username", "joão").await;
    browser.fill("email", "joao@example.com").await;
    browser.fill("password", super::PASSWORD).await;
    browser.fill("password_confirmation", super::PASSWORD).await;
    browser.follow("main [type=submit]").await;
    assert_eq!(browser.text_of("h1").await, words.received);
    receipt(browser, app).await;
}

/// With the script: the list changes in the page, which stays the same one.
async fn live(size: (u32, u32), words: &Words) {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(size, false, true, words.locale).await;
    begin(&browser, &app, words).await;
    browser.wait_for("[data-live]:not([hidden])").await;
    browser
        .wait_for("[data-job]:nth-child(2)[data-state=executing]")
        .await;
    browser
        .execute("window.first = document.querySelector('[data-job]')")
        .await;
    assert_eq!(browser.text_of(".job-running .badge").await, words.running);
    let finale = "return getComputedStyle(document.querySelector('[data-finale]')).display";
    assert_eq!(browser.execute(finale).await, "none");

    app.advance(Duration::from_secs(5));
    browser.wait_for("progress[value='50']").await;
    assert_eq!(browser.text_of(".percent").await, words.halfway);
    let simple_task = "[data-job]:has(.bar) ~ .job-done, .job-done:has(~ [data-job] .bar)";
    browser.wait_for(simple_task).await;
    said(&browser, words.simple_task_done).await;

    app.advance(Duration::from_secs(5));
    browser.wait_for("[data-finale]:not([hidden])").await;
    ends_well(&browser, words).await;
    said(&browser, words.news).await;
    assert_eq!(browser.execute("return first.isConnected").await, true);
    let live = "return document.querySelector('[data-live]').hidden";
    assert_eq!(browser.execute(live).await, true);
    read_the_letter(&browser, words).await;
    assert_eq!(browser.complaints().await, [] as [&str; 0]);
}

/// Without it: the page comes again by itself, until there is nothing more to come.
async fn refreshed(size: (u32, u32), words: &Words) {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(size, false, false, words.locale).await;
    begin(&browser, &app, words).await;
    browser.wait_for(".job-running").await;

    app.advance(Duration::from_secs(5));
    browser.wait_for("progress[value='50']").await;
    app.advance(Duration::from_secs(5));
    browser.wait_for("[data-finale]:not([hidden])").await;
    ends_well(&browser, words).await;
    let refreshes = browser.execute("return document.head.innerHTML").await;
    assert!(!refreshes.to_string().contains("refresh"), "{refreshes}");
    read_the_letter(&browser, words).await;
    assert_eq!(browser.complaints().await, [] as [&str; 0]);
}

/// Waits until the live region has said this, perhaps among other news.
async fn said(browser: &Browser, news: &str) {
    // What only screen readers get is not visible text.
    let heard = "const done = arguments[0];
        const region = document.querySelector('[data-announce]');
        const look = () => region.textContent.includes(NEWS) && (done(region.getAttribute('role')), true);
        if (!look()) new MutationObserver(look).observe(region, {childList: true})";
    let heard = heard.replace("NEWS", &json!(news).to_string());
    let role = browser.client.execute_async(&heard, Vec::new()).await;
    assert_eq!(role.expect(news), "log");
}

async fn ends_well(browser: &Browser, words: &Words) {
    let text = browser.visible_text().await;
    for sentence in words.results.iter().chain([&words.done]) {
        assert!(text.contains(sentence), "no `{sentence}` in\n{text}");
    }
    browser.wait_for(".job-done:nth-child(3)").await;
}

/// In the outbox, from the footer of any page.
async fn read_the_letter(browser: &Browser, words: &Words) {
    browser.follow("footer a[href='/dev/mailbox']").await;
    assert_eq!(browser.text_of(".letters a").await, words.subject);
    browser.follow(".letters a").await;
    assert_eq!(browser.text_of("h1").await, words.subject);
    assert!(browser.text_of("dl").await.contains("joao@example.com"));
    assert!(browser.text_of("pre").await.starts_with(words.letter));

    let frame = browser.wait_for("iframe").await;
    frame.enter_frame().await.expect("the letter is shown");
    assert_eq!(browser.text_of("h1").await, words.letter);
    let lang = browser.wait_for("html").await.attr("lang").await;
    assert_eq!(lang.expect("an attribute").as_deref(), Some(words.locale));
    let parent = browser.client.clone().enter_parent_frame().await;
    parent.expect("the page is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_in_many_tabs_leaves_the_site_usable() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(DESKTOP, false, true, "en").await;
    let receipt = sign_up(&browser, &app, "maria").await;
    let first = browser.client.window().await.expect("a window");
    // One more than the connections that browsers have to one site.
    for _ in 0..7 {
        let tab = browser.client.new_window(true).await.expect("a tab");
        let tab = browser.client.switch_to_window(tab.handle).await;
        tab.expect("the tab is there");
        browser.goto(&format!("{}/signup/{receipt}", app.url)).await;
        browser.wait_for("[data-live]:not([hidden])").await;
    }
    let back = browser.client.switch_to_window(first).await;
    back.expect("the first tab is still there");
    app.advance(Duration::from_secs(10));
    browser.wait_for("[data-finale]:not([hidden])").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_can_be_left_and_found_again() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(PHONE, true, true, "en").await;
    let receipt = sign_up(&browser, &app, "maria").await;
    browser.goto("about:blank").await;
    app.advance(Duration::from_secs(10));
    browser.goto(&format!("{}/signup/{receipt}", app.url)).await;
    browser.wait_for("[data-finale]:not([hidden])").await;
    browser.follow("[data-finale] a").await;
    assert_eq!(browser.path().await, "/login");
}
