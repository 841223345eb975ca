//! A session: the cookie that stands for it, its beginning and its end.

use std::time::Duration;

use super::greeted;
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{PASSWORD, Visitor},
};

const SESSION: &str = "cadastro_session";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Signs maria up and logs her in.
async fn maria(app: &TestApp) -> Visitor {
    let visitor = Visitor::new(app);
    visitor.sign_up("maria").await;
    visitor.log_in("maria", PASSWORD).await.with_status(303);
    visitor
}

/// Whether a browser that holds this token is logged in.
async fn lets_in(app: &TestApp, token: &str) -> bool {
    let thief = Visitor::new(app);
    thief.keep(SESSION, token);
    greeted(&thief.get("/").await.with_status(200)).is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_log_in_has_a_new_token_and_ends_the_session_before() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = maria(&app).await;
        let first = visitor.cookie(SESSION).expect("a session");
        visitor.log_in("maria", PASSWORD).await.with_status(303);
        let second = visitor.cookie(SESSION).expect("a session");
        assert_ne!(first, second);
        assert!(!lets_in(&app, &first).await, "{database}");
        assert!(lets_in(&app, &second).await, "{database}");

        let elsewhere = Visitor::new(&app);
        elsewhere.log_in("maria", PASSWORD).await.with_status(303);
        assert!(
            lets_in(&app, &second).await,
            "another browser's session goes on"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_browser_brought_along_is_never_the_new_one() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    visitor.sign_up("maria").await;
    let planted = "A".repeat(43);
    visitor.keep(SESSION, &planted);
    visitor.log_in("maria", PASSWORD).await.with_status(303);
    assert_ne!(visitor.cookie(SESSION), Some(planted.clone()));
    assert!(!lets_in(&app, &planted).await);
    assert!(!lets_in(&app, "no token at all").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_log_in_leaves_the_session_as_it_is() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = maria(&app).await;
    let token = visitor.cookie(SESSION).expect("a session");
    visitor
        .log_in("maria", "not the password")
        .await
        .with_status(422);
    assert_eq!(visitor.cookie(SESSION).as_ref(), Some(&token));
    assert!(lets_in(&app, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_ends_the_session_on_the_server() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = maria(&app).await;
        let token = visitor.cookie(SESSION).expect("a session");
        visitor.get("/logout").await.with_status(405);
        assert!(lets_in(&app, &token).await, "a link logs nobody out");

        let answer = visitor.post("/logout", &[]).await.with_status(303);
        assert_eq!(answer.set_cookies().len(), 1);
        assert_eq!(visitor.cookie(SESSION), None);
        assert!(!lets_in(&app, &token).await, "{database}");
        let page = visitor.get("/").await.with_status(200);
        assert_eq!(greeted(&page), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_over_after_two_weeks() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = maria(&app).await;
        let token = visitor.cookie(SESSION).expect("a session");
        app.advance(13 * DAY);
        assert!(lets_in(&app, &token).await, "{database}");
        app.advance(2 * DAY);
        assert!(!lets_in(&app, &token).await, "{database}");
        visitor.post("/logout", &[]).await.with_status(303);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_session() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = maria(&app).await;
    let token = visitor.cookie(SESSION).expect("a session");
    let user = app.store.users(None, 1).await.expect("users")[0].id;
    app.store
        .set_password(user, "$argon2id$")
        .await
        .expect("set");
    assert!(!lets_in(&app, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookies_are_for_our_own_pages_alone() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    visitor.sign_up("maria").await;
    let answer = visitor.log_in("maria", PASSWORD).await.with_status(303);
    let expected = [(SESSION, 14), ("cadastro_browser", 180)].map(|(name, days)| {
        let token = visitor.cookie(name).expect("a token");
        let seconds = days * DAY.as_secs();
        format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}")
    });
    assert_eq!(answer.set_cookies(), expected);
    assert!(answer.header("strict-transport-security").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn under_https_cookies_are_secure_and_bound_to_the_host() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_BASE_URL", "https://cadastro.example")
        .start()
        .await;
    let visitor = Visitor::new(&app);
    visitor.sign_up("maria").await;
    let answer = visitor.log_in("maria", PASSWORD).await.with_status(303);
    for (cookie, name) in answer.set_cookies().into_iter().zip(["session", "browser"]) {
        let begin = format!("__Host-cadastro_{name}=");
        assert!(cookie.starts_with(&begin), "{cookie}");
        for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    let page = visitor.get("/").await.with_status(200);
    assert!(greeted(&page).is_some());
    let language = visitor.post("/language", &[("locale", "en")]).await;
    assert!(language.set_cookies().concat().contains("; Secure"));
    assert!(page.header("strict-transport-security").is_some());

    let token = visitor
        .cookie("__Host-cadastro_session")
        .expect("a session");
    assert!(
        !lets_in(&app, &token).await,
        "the name without prefix counts for nothing"
    );
}
