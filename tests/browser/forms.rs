//! The sign-up form: every error beside its field and above the form.

use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP, PHONE},
    database::TestDatabase,
};

use super::{PASSWORD, sign_up};

const FIELDS: [&str; 4] = ["username", "email", "password", "password_confirmation"];

/// What is typed into the four fields, and what is said about each of them.
type Row<'a> = [(&'a str, &'a str); 4];

#[tokio::test(flavor = "multi_thread")]
async fn every_error_stands_beside_its_field_and_above_the_form() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(PHONE, false, true, "en").await;
    sign_up(&browser, &app, "maria").await;
    let long_name = "m".repeat(31);
    let long_email = format!("maria@{}.example.com", "m".repeat(250));
    let long_password = "correct horse battery staple ".repeat(5);
    let good = (PASSWORD, "");
    let mismatch = ("something else", "The two passwords are not the same.");
    let rows: &[Row] = &[
        [
            ("jo", "The username needs at least 3 characters."),
            ("joana", "The e-mail lacks its “@”, as in name@example.com."),
            ("short", "The password needs at least 8 characters."),
            mismatch,
        ],
        [
            (&long_name, "The username can have at most 30 characters."),
            (&long_email, "The e-mail can have at most 254 characters."),
            (
                &long_password,
                "The password can have at most 128 characters.",
            ),
            mismatch,
        ],
        [
            ("jo ana", "The username cannot contain spaces."),
            (
                "joão@example.com",
                "Before the “@”, the e-mail cannot have accents or letters of other alphabets.",
            ),
            (
                "password1",
                "This password is very common and would soon be guessed. Choose another.",
            ),
            mismatch,
        ],
        [
            (
                "jo<ana",
                "The username cannot contain “<”. Use letters, digits, dots, hyphens or underscores.",
            ),
            (
                "joana@example",
                "The domain “example” is incomplete. An e-mail ends like name@example.com.",
            ),
            (
                "12345678a",
                "This password is very common and would soon be guessed. Choose another.",
            ),
            mismatch,
        ],
        [
            (
                ".joana",
                "The username must start with a letter or a digit.",
            ),
            (
                "joana@@example.com",
                "Enter one valid e-mail, such as name@example.com.",
            ),
            (
                "my.joana password",
                "The password cannot contain the username.",
            ),
            mismatch,
        ],
        [
            ("joаna", "The username cannot mix alphabets."),
            ("beatrice@example.com", ""),
            (
                "the horse of beatrice",
                "The password cannot contain the e-mail.",
            ),
            mismatch,
        ],
        [
            ("Admin", "This username is reserved. Choose another."),
            ("joana@example.com", ""),
            good,
            good,
        ],
        [
            ("MARIA", "This username is already in use. Choose another."),
            ("joana@example.com", ""),
            good,
            good,
        ],
    ];
    for row in rows {
        refused(&browser, row).await;
    }
    assert_eq!(app.store.users(None, 10).await.expect("users").len(), 1);
    assert_eq!(browser.complaints().await, [] as [&str; 0]);
}

/// Sends what the row says, and looks for what it says comes back.
async fn refused(browser: &Browser, row: &Row<'_>) {
    browser.follow("header a[href='/signup']").await;
    for (field, (typed, _)) in FIELDS.into_iter().zip(row) {
        browser.fill(field, typed).await;
    }
    browser.follow("main [type=submit]").await;
    assert_eq!(browser.focused().await, "summary", "{row:?}");
    let title = browser.client.title().await.expect("a title");
    assert!(title.starts_with("Error: "), "{title}");

    let mut summary = Vec::new();
    for (field, (typed, error)) in FIELDS.into_iter().zip(row) {
        let kept = if field.starts_with("password") {
            ""
        } else {
            typed
        };
        assert_eq!(browser.value(field).await, kept);
        let input = browser.wait_for(&format!("#{field}")).await;
        let invalid = input.attr("aria-invalid").await.expect("an element");
        assert_eq!(invalid.is_some(), !error.is_empty(), "{field} of {row:?}");
        if error.is_empty() {
            continue;
        }
        summary.push(*error);
        let beside = browser.text_of(&format!("#{field}-errors")).await;
        assert!(beside.ends_with(error), "{beside:?} is not {error:?}");
        let described = input.attr("aria-describedby").await.expect("an element");
        assert!(described.is_some_and(|ids| ids.contains(&format!("{field}-errors"))));
    }
    assert_eq!(browser.text_of(".summary ul").await, summary.join("\n"));
    for (field, (_, error)) in FIELDS.into_iter().zip(row) {
        if !error.is_empty() {
            browser.click(&format!(".summary a[href='#{field}']")).await;
            assert_eq!(browser.focused().await, field);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_told_in_portuguese_too_and_without_javascript() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let browser = Browser::open(DESKTOP, true, false, "pt-BR").await;
    browser.goto(&format!("{}/signup", app.url)).await;
    browser.fill("username", "jo").await;
    browser.fill("email", "joana@example").await;
    browser.fill("password", "senha123").await;
    browser.follow("main [type=submit]").await;
    let summary = browser.text_of(".summary").await;
    let expected = [
        "Há um problema com os dados",
        "O nome de usuário precisa de pelo menos 3 caracteres.",
        "O domínio “example” está incompleto. Um e-mail termina como nome@exemplo.com.br.",
        "Esta senha é muito comum e seria adivinhada logo. Escolha outra.",
        "Repita a senha.",
    ];
    assert_eq!(summary, expected.join("\n"));
    assert_eq!(browser.focused().await, "summary");
    assert_eq!(browser.value("username").await, "jo");
    browser.click(".summary a[href='#password']").await;
    assert_eq!(browser.focused().await, "password");
}
