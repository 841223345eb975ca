//! Portuguese or English: what a visitor gets, chooses, and goes on getting.

use std::time::Duration;

use cadastro::queue::State;
use reqwest::Method;

use crate::support::{app::TestApp, database::TestDatabase, page::Page, visitor::Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_in_the_language_that_the_browser_likes_best() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    for (languages, expected) in [
        ("en", "en"),
        ("en-GB,pt;q=0.9", "en"),
        ("pt-PT", "pt-BR"),
        ("de,en;q=0.5,pt;q=0.7", "pt-BR"),
        ("fr", "pt-BR"),
        ("*", "pt-BR"),
        ("pt;q=0,en;q=0.1", "en"),
        ("nonsense;;;q=x,,,", "pt-BR"),
    ] {
        let visitor = Visitor::new(&app).speaking(languages);
        for path in ["/", "/signup", "/login", "/no-such-page"] {
            let page = visitor.get(path).await;
            assert_eq!(page.lang(), expected, "{path} for {languages}");
            assert_eq!(page.header("content-language"), Some(expected));
            // No cache may hand one visitor's page to another.
            assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_chooses_the_language_of_those_who_ask_for_none_of_ours() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .set("CADASTRO_LOCALE", "en")
        .start()
        .await;
    let visitor = Visitor::new(&app).speaking("fr");
    assert_eq!(visitor.get("/").await.lang(), "en");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_kept_and_beats_the_browser() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let choice = [("locale", "pt-BR"), ("next", "/signup")];
    let answer = visitor.post("/language", &choice).await.with_status(303);
    assert_eq!(answer.location(), "/signup");
    let cookie = answer.set_cookies().concat();
    for part in [
        "cadastro_locale=pt-BR",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let page = visitor.get("/signup").await.with_status(200);
    assert_eq!(page.lang(), "pt-BR");
    let chosen = page
        .named("button")
        .find(|button| button.get("aria-current") == Some("true"))
        .expect("the language chosen is marked");
    assert_eq!(chosen.get("value"), Some("pt-BR"));

    let back = visitor.post("/language", &[("locale", "en")]).await;
    assert_eq!(back.with_status(303).location(), "/");
    assert_eq!(visitor.get("/").await.lang(), "en");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_that_we_do_not_speak_changes_nothing() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    for fields in [&[("locale", "tlh")][..], &[("locale", "")], &[]] {
        let answer = visitor.post("/language", fields).await.with_status(400);
        assert_eq!(answer.set_cookies(), [""; 0]);
    }
    visitor.keep("cadastro_locale", "tlh");
    assert_eq!(visitor.get("/").await.lang(), "en");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_and_letter_speak_the_language_of_the_form() {
    for (locale, subject, result, states) in [
        (
            "pt-BR",
            "E-mail de boas-vindas!",
            "Tarefa simples concluída!",
            // An e-mail is masculine, a task feminine.
            ["Concluído", "Concluída", "Concluída"],
        ),
        (
            "en",
            "Welcome to Cadastro!",
            "Simple task completed!",
            ["Done"; 3],
        ),
    ] {
        let database = TestDatabase::sqlite();
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app).speaking(locale);
        let receipt = visitor.sign_up("maria").await;
        app.advance(Duration::from_secs(10));
        app.receipt_reaches(&receipt, &[State::Completed]).await;
        let page = visitor.get(&format!("/signup/{receipt}")).await;
        let results: Vec<_> = page.with_class("job-result").map(|p| p.text()).collect();
        assert!(results.contains(&result.to_owned()), "{results:?}");
        let badges: Vec<_> = page.with_class("badge").map(|p| p.text()).collect();
        assert_eq!(badges, states);
        let letters = app.store.letters(10).await.expect("letters");
        assert_eq!(letters[0].subject, subject);
    }
}

/// Where the visitor goes who chooses a language at the foot of this page.
async fn after_a_choice(visitor: &Visitor, page: &Page) -> Page {
    let form = page.with_class("languages").next().expect("the languages");
    let next = page
        .named("input")
        .find(|input| input.is_within(form))
        .and_then(|input| input.get("value"));
    let choice = [("locale", "pt-BR"), ("next", next.expect("a way back"))];
    visitor.post("/language", &choice).await.with_status(303)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_leads_back_to_the_same_page_query_and_all() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let receipt = visitor.sign_up("maria").await;
    let still = format!("/signup/{receipt}?still");
    for path in ["/login?next=/dev/mailbox%3Fa%26b", "/nowhere?a=b&c", &still] {
        let page = visitor.get(path).await;
        let answer = after_a_choice(&visitor, &page).await;
        assert_eq!(answer.location(), path);
        assert_eq!(visitor.get(path).await.lang(), "pt-BR");
        visitor.keep("cadastro_locale", "en");
    }

    // A log-in that failed stands at an address without its query.
    for login in ["", "maria"] {
        let fields = [
            ("login", login),
            ("password", "a guess"),
            ("next", "/a?b&c"),
        ];
        let page = visitor.post("/login", &fields).await.with_status(422);
        let answer = after_a_choice(&visitor, &page).await;
        let page = visitor.get(answer.location()).await.with_status(200);
        assert_eq!(page.value("next"), "/a?b&c");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_on_a_page_that_refuses_leads_to_one_that_exists() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let abroad = visitor.request(Method::POST, "/logout");
    let abroad = abroad.header("sec-fetch-site", "cross-site");
    let pages = [
        (visitor.get("/logout").await, 405, "/"),
        (visitor.post("/", &[]).await, 405, "/"),
        (visitor.post("/language", &[]).await, 400, "/"),
        (visitor.send(abroad).await, 403, "/"),
        (visitor.post("/signup", &[]).await, 422, "/signup"),
    ];
    for (page, status, expected) in pages {
        let page = page.with_status(status);
        let answer = after_a_choice(&visitor, &page).await;
        assert_eq!(answer.location(), expected, "{status}");
        visitor.get(expected).await.with_status(200);
    }
}
