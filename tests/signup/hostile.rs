//! What nobody types by accident: markup, header lines, bytes that are no text, far too much of anything.

use std::time::Duration;

use cadastro::queue::State;
use reqwest::Method;

use super::users;
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{PASSWORD, Visitor, filled, receipt_of},
};

const MARKUP: &str = r#""><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;{{7*7}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn markup_is_shown_as_the_text_that_it_is() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let page = visitor
        .post("/signup", &filled(MARKUP, MARKUP, MARKUP))
        .await;
    let page = page.with_status(422);
    page.holds_no_code();
    assert_eq!(page.value("username"), MARKUP);
    assert_eq!(page.value("email"), MARKUP);
    assert_ne!(page.value("idempotency_key"), MARKUP);

    let form = [("login", MARKUP), ("password", "x"), ("next", MARKUP)];
    let page = visitor.post("/login", &form).await.with_status(422);
    page.holds_no_code();
    assert_eq!(page.value("login"), MARKUP);

    for path in ["/<script>alert(1)</script>", "/signup/\"><script>"] {
        let page = visitor.get(path).await.with_status(404);
        page.holds_no_code();
    }
    let speaks_markup = Visitor::new(&app).speaking("\"><script>alert(1)</script>");
    let page = speaks_markup.get("/").await.with_status(200);
    page.holds_no_code();
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_an_address_that_exists_is_text_on_every_page_and_in_the_letter() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let address = r#""<script>alert(1)</script>"@example.com"#;
    let answer = visitor.sign_up_as("maria", address).await.with_status(303);
    app.advance(Duration::from_secs(10));
    app.receipt_reaches(&receipt_of(&answer), &[State::Completed])
        .await;
    visitor.log_in("maria", PASSWORD).await.with_status(303);
    let account = visitor.get("/").await.with_status(200);
    assert!(account.named("dd").any(|detail| detail.text() == address));
    let mailbox = visitor.get("/dev/mailbox").await.with_status(200);
    assert!(
        mailbox
            .with_class("letter-to")
            .any(|to| to.text().contains(address))
    );
    for page in [account, mailbox, visitor.get("/dev/mailbox/1").await] {
        page.with_status(200).holds_no_code();
    }
    let letter = visitor.get("/dev/mailbox/1/html").await.with_status(200);
    assert_eq!(letter.named("script").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn far_too_much_is_refused_and_shown_no_more_of_than_it_has_to_be() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let long = "x".repeat(5_000);
    let form = [
        ("username", long.as_str()),
        ("email", &long),
        ("password", &long),
    ];
    let page = visitor.post("/signup", &form).await.with_status(422);
    assert!(
        !page
            .error_beside("username")
            .expect("an error")
            .contains(&long)
    );
    let page = visitor.log_in(&long, &long).await.with_status(422);
    page.holds_no_code();

    let huge = "x".repeat(20_000);
    for path in ["/signup", "/login", "/language"] {
        let page = visitor.post(path, &[("username", &huge)]).await;
        let page = page.with_status(413);
        assert!(page.body.contains("larger than allowed"));
    }
    let many: Vec<_> = (0..1_000).map(|_| ("x", "y")).collect();
    visitor.post("/signup", &many).await.with_status(422);
    assert_eq!(users(&app).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_refused_and_nothing_is_saved() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let form = "application/x-www-form-urlencoded";
        for (kind, body) in [
            (form, &b"username=%FF%FE%00&email=%C3%28&password=%00"[..]),
            (form, b"username=\xff\xfe&email=\x00"),
            (form, b"username=a&username=b"),
            (form, b"%%%=&&&==%"),
            (form, b"\x00\x01\x02"),
            ("text/plain", b"username=maria"),
            ("multipart/form-data; boundary=x", b"--x--"),
            ("application/json", b"{}"),
            (
                "application/x-www-form-urlencoded; charset=no-such",
                b"username=maria",
            ),
        ] {
            let request = visitor.form("/signup", &[]).body(body);
            let page = visitor.send(request.header("content-type", kind)).await;
            assert!((400..500).contains(&page.status), "{kind} {}", page.status);
            page.holds_no_code();
        }
        let bare = visitor.request(Method::POST, "/signup");
        let page = visitor.send(bare).await;
        assert!((400..500).contains(&page.status), "{}", page.status);
        assert_eq!(users(&app).await, [""; 0], "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_is_told_where_it_cannot_be_and_harmless_where_it_can() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        for login in ["maria\0", "\0", "maria\0@example.com"] {
            visitor.log_in(login, "x").await.with_status(422);
        }
        let password = "tulipa\0janela\0quarenta";
        let form = [
            ("username", "maria"),
            ("email", "maria@example.com"),
            ("password", password),
            ("password_confirmation", password),
        ];
        visitor.post("/signup", &form).await.with_status(303);
        visitor.log_in("maria", password).await.with_status(303);
        visitor.get("/signup/%00").await.with_status(404);
        visitor.get("/signup?next=%00").await.with_status(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_every_script_sign_up_and_log_in() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        for (number, name) in ["João", "山田太郎", "Ñandú", "สมชาย", "мария_2"]
            .into_iter()
            .enumerate()
        {
            let visitor = Visitor::new(&app);
            let email = format!("pessoa{number}@coração.example");
            let answer = visitor.sign_up_as(name, &email).await.with_status(303);
            let page = visitor.get(answer.location()).await.with_status(200);
            let heading = page.named("h1").next().expect("a heading").text();
            assert_eq!(heading, format!("We have your sign-up, {name}!"));
            visitor.log_in(name, PASSWORD).await.with_status(303);
            let account = visitor.get("/").await.with_status(200);
            assert!(account.named("dd").any(|detail| detail.text() == email));
        }
    }
}
