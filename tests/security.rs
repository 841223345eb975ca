//! Requests that mean no good: from other sites, too large.

use reqwest::Method;

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{TOKEN, Visitor, filled},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_site_is_refused_at_every_door() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    for path in [
        "/signup",
        "/login",
        "/logout",
        "/language",
        "/api/v1/signups",
        "/api/v1/jobs",
    ] {
        for (header, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let request = visitor.request(Method::POST, path).header(header, value);
            let page = visitor.send(request).await;
            assert_eq!(page.status, 403, "{path} {header}: {value}");
        }
    }
    // A program sends neither header, and is let in.
    let request =
        visitor
            .request(Method::POST, "/signup")
            .form(&filled("maria", "m@example.com", ""));
    assert_eq!(visitor.send(request).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let form = visitor.get("/signup").await;
    let asset = form
        .named("link")
        .find_map(|link| link.get("href"))
        .expect("an asset")
        .to_owned();
    for path in [
        "/",
        "/signup",
        "/login",
        "/nothing",
        "/healthz",
        "/api/v1/jobs",
        asset.as_str(),
    ] {
        let page = visitor.get(path).await;
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(
            page.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert!(page.header("referrer-policy").is_some(), "{path}");
    }
    let cached = visitor.get(&asset).await;
    assert!(
        cached
            .header("cache-control")
            .is_some_and(|cache| cache.contains("immutable"))
    );
    assert_eq!(form.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_or_makes_no_sense_is_refused() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let long = "a".repeat(100_000);
    let page = visitor
        .post("/signup", &filled(&long, "m@example.com", ""))
        .await;
    assert_eq!(page.status, 413);
    let json = |body: &str| {
        let request = visitor.request(Method::POST, "/api/v1/signups");
        visitor.send(
            request
                .header("content-type", "application/json")
                .body(body.to_owned()),
        )
    };
    assert_eq!(
        json(&format!("{{\"username\": \"{long}\"}}")).await.status,
        413
    );
    let broken = json("{\"username\": ").await;
    assert_eq!(broken.status, 400);
    assert_eq!(
        broken.header("content-type"),
        Some("application/problem+json")
    );
    let request = visitor.request(Method::DELETE, "/signup");
    let refused = visitor.send(request).await.with_status(405);
    assert!(
        refused
            .header("allow")
            .is_some_and(|allow| allow.contains("POST"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_this_machine_and_for_operators() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_OPERATOR_TOKEN", TOKEN)
        .set("CADASTRO_TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await;
    Visitor::new(&app).get("/metrics").await.with_status(200);
    let elsewhere = Visitor::new(&app).behind("192.0.2.1");
    elsewhere.get("/metrics").await.with_status(401);
    Visitor::operator(&app)
        .behind("192.0.2.1")
        .get("/metrics")
        .await
        .with_status(200);
}
