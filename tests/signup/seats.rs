//! Who finds a seat among those who watch their jobs live: a few of each network.

use std::time::Duration;

use reqwest::{Method, Response};

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{PASSWORD, Visitor},
};

/// So many may watch from one network at once.
const SEATS: usize = 32;

/// The visitor's stream there, which goes on: they have a seat.
async fn seated(visitor: &Visitor, stream: &str) -> Response {
    let answer = visitor.request(Method::GET, stream).send().await;
    let mut answer = answer.expect("an answer");
    let first = answer.chunk().await.expect("the stream holds");
    let first = first.expect("something is told at once");
    let first = String::from_utf8_lossy(&first);
    assert!(first.starts_with("retry: 2000\n"), "{first}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_watches_a_lot_leaves_seats_to_everybody_else() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_RATE_LIMIT", "on")
        .set("CADASTRO_TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await;
    let from = |address: &str| Visitor::new(&app).behind(address);
    let maria = from("2001:db8::1");
    let receipt = maria.sign_up("maria").await;
    maria.log_in("maria", PASSWORD).await.with_status(303);
    let stream = format!("/signup/{receipt}/events");

    // Each has an address of their own, all in one /64.
    let mut crowd = Vec::new();
    for n in 0..SEATS {
        crowd.push(seated(&from(&format!("2001:db8::f:{n:x}")), &stream).await);
    }
    for stream in [&stream, "/account/events"] {
        // It ends of itself, or this would wait for ever.
        let told = maria.get(stream).await.with_status(200).body;
        assert!(told.starts_with("retry: 5000\n"), "{told}");
        assert!(told.contains("event: jobs\n"), "{told}");
        assert!(!told.contains("event: end\n"), "{told}");
    }
    let elsewhere = seated(&from("2001:db8:0:1::1"), &stream).await;

    app.advance(Duration::from_secs(10));
    for answer in crowd.into_iter().chain([elsewhere]) {
        let told = answer.text().await.expect("the stream ends of itself");
        assert!(told.contains("event: end\n"), "{told}");
    }
    let receipt = from("2001:db8::2").sign_up("joana").await;
    seated(&maria, &format!("/signup/{receipt}/events")).await;
}
