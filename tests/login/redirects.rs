//! Where a visitor goes after a form: on with what they wanted, and never to another site.

use super::greeted;
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{PASSWORD, Visitor},
};

const ELSEWHERE: [&str; 12] = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    " //evil.example/",
    "http:evil.example",
    "javascript:alert(1)",
    "evil.example",
    "/a\r\nSet-Cookie: a=b",
    "",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_leads_on_to_the_page_that_asked_for_it() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    visitor.sign_up("maria").await;
    let page = visitor
        .get("/login?next=/dev/mailbox%3Fa%3Db")
        .await
        .with_status(200);
    assert!(
        page.notice()
            .is_some_and(|notice| notice.contains("Log in to your account"))
    );
    let next = page.value("next").to_owned();
    assert_eq!(next, "/dev/mailbox?a=b");

    let wrong = [("login", "maria"), ("password", "no"), ("next", &next)];
    let page = visitor.post("/login", &wrong).await.with_status(422);
    assert_eq!(page.value("next"), next);
    let right = [("login", "maria"), ("password", PASSWORD), ("next", &next)];
    let answer = visitor.post("/login", &right).await.with_status(303);
    assert_eq!(answer.location(), next);
    let again = visitor.get("/login?next=/signup").await.with_status(303);
    assert_eq!(
        again.location(),
        "/signup",
        "there is nothing to log in for"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leads_to_another_site() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    visitor.sign_up("maria").await;
    for next in ELSEWHERE {
        let mut asked = url::Url::parse("http://x/login").expect("a URL");
        asked.query_pairs_mut().append_pair("next", next);
        let asked = format!("/login?{}", asked.query().expect("a query"));
        let page = Visitor::new(&app).get(&asked).await.with_status(200);
        assert!(
            page.named("input")
                .filter(|input| input.get("name") == Some("next"))
                // The one in the footer, which leads back to this page, query and all.
                .all(|input| input.get("value") == Some(asked.as_str()))
        );

        let form = [("login", "maria"), ("password", PASSWORD), ("next", next)];
        let answer = visitor.post("/login", &form).await.with_status(303);
        assert_eq!(answer.location(), "/", "{next:?}");
        assert_eq!(answer.set_cookies().len(), 2, "session and browser");
        assert!(greeted(&visitor.get("/").await).is_some());
        let answer = visitor.get(&asked).await.with_status(303);
        assert_eq!(answer.location(), "/", "{next:?}");
        let choice = [("locale", "en"), ("next", next)];
        let answer = visitor.post("/language", &choice).await.with_status(303);
        assert_eq!(answer.location(), "/", "{next:?}");
    }
}
