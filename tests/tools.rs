//! The tools of the other tests do what those rely on.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_postgres::{Client, NoTls, error::SqlState};

use crate::support::{
    browser::{Browser, DESKTOP, PHONE},
    database::{PostgresServer, TestDatabase},
    schemathesis,
};

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::test]
async fn each_database_is_fresh_and_its_own() {
    let (one, other) = (TestDatabase::postgres(), TestDatabase::postgres());
    let one = connect(one.url()).await.expect("one answers");
    one.batch_execute("CREATE TABLE here (id INT)")
        .await
        .expect("a table");
    let other = connect(other.url()).await.expect("the other answers");
    let error = other
        .batch_execute("SELECT id FROM here")
        .await
        .expect_err("not here");
    assert_eq!(error.code(), Some(&SqlState::UNDEFINED_TABLE));
    let [sqlite, postgres] = TestDatabase::both();
    assert!(sqlite.url().starts_with("sqlite:///"), "{sqlite}");
    assert!(postgres.url().starts_with("postgres://"), "{postgres}");
}

#[tokio::test]
async fn a_server_of_ones_own_goes_away_and_comes_back_with_all_it_held() {
    let server = PostgresServer::new();
    let url = server.database();
    let client = connect(&url).await.expect("it answers");
    client
        .batch_execute("CREATE TABLE kept (id INT)")
        .await
        .expect("a table");
    for _ in 0..2 {
        server.stop();
        assert!(connect(&url).await.is_err());
        server.start();
        let client = connect(&url).await.expect("it answers again");
        client
            .batch_execute("SELECT id FROM kept")
            .await
            .expect("the table is there");
    }
}

const PAGE: &str = "data:text/html;charset=utf-8,<!doctype html><html lang=en><title>A page</title><main><h1>Hello</h1>\
    <noscript><p>No script</p></noscript><p id=out></p><script>out.textContent='Some script'</script></main>";

#[tokio::test]
async fn a_browser_is_as_it_was_asked_to_be() {
    let look = "return [navigator.language, innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]";
    let desktop = Browser::open(DESKTOP, true, true, "pt-BR").await;
    desktop.goto(PAGE).await;
    desktop.wait_for_text("Some script").await;
    assert_eq!(desktop.execute(look).await, json!(["pt-BR", 1280, true]));

    let phone = Browser::open(PHONE, false, false, "en").await;
    phone.goto(PAGE).await;
    phone.wait_for_text("No script").await;
    assert!(!phone.visible_text().await.contains("Some script"));
}

#[tokio::test]
async fn a_visitor_can_type_click_and_take_a_picture() {
    let browser = Browser::open(DESKTOP, false, true, "en").await;
    browser.goto("data:text/html,<input name=a value=old><button onclick=\"out.textContent=document.querySelector('[name=a]').value\">go</button><p id=out>").await;
    browser.fill("a", "new").await;
    browser.click("button").await;
    let out = browser.wait_for("#out:not(:empty)").await;
    assert_eq!(out.text().await.expect("a text"), "new");
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("page.png");
    browser.screenshot(&picture).await;
    assert!(std::fs::read(picture).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG")));
}

#[tokio::test]
async fn a_browser_asks_the_server_for_its_language() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let page = format!("http://{}/", listener.local_addr().expect("an address"));
    let browser = Browser::open(PHONE, false, true, "pt-BR").await;
    let asked = async {
        let (mut visitor, _) = listener.accept().await.expect("a visitor");
        let mut request = vec![0; 4096];
        let read = visitor.read(&mut request).await.expect("a request");
        visitor
            .write_all(b"HTTP/1.0 200 OK\r\n\r\n")
            .await
            .expect("an answer");
        String::from_utf8_lossy(&request[..read]).into_owned()
    };
    let (asked, ()) = tokio::join!(asked, browser.goto(&page));
    assert!(asked.contains("Accept-Language: pt-BR"), "{asked}");
}

#[tokio::test]
async fn axe_finds_what_breaks_the_rules_and_nothing_else() {
    let browser = Browser::open(DESKTOP, false, true, "en").await;
    browser.goto(PAGE).await;
    assert_eq!(browser.axe().await, []);
    browser.execute("document.body.append(new Image())").await;
    let rules: Vec<_> = browser
        .axe()
        .await
        .into_iter()
        .map(|found| found.rule)
        .collect();
    assert_eq!(rules, ["image-alt"]);
}

#[tokio::test]
async fn schemathesis_finds_an_answer_that_its_document_does_not_have() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "An API", "version": "1"},
        "paths": {"/number": {"get": {"responses": {"200": {
            "description": "OK",
            "content": {"application/json": {"schema": {"type": "integer"}}},
        }}}}},
    });
    let server = tokio::spawn(async move {
        loop {
            let (mut visitor, _) = listener.accept().await.expect("a visitor");
            let mut request = [0; 4096];
            let read = visitor.read(&mut request).await.expect("a request");
            let (status, body) = match &request[..read] {
                asked if asked.starts_with(b"GET / ") => ("200 OK", document.to_string()),
                asked if asked.starts_with(b"GET /number ") => ("200 OK", "\"one\"".to_owned()),
                _ => ("405 Method Not Allowed", String::new()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
                 Allow: GET\r\nConnection: close\r\n\r\n"
            );
            let told = visitor.write_all((head + &body).as_bytes()).await;
            told.expect("it listens");
        }
    });
    let judged = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a folder");
        schemathesis::judge(&url, "none", "none", 1, folder.path())
    });
    let judged = judged.await.expect("it is run");
    server.abort();
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(!judged.status.success(), "{said}");
    assert!(said.contains("Response violates schema"), "{said}");
}
