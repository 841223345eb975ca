//! The sign-up form: every error beside its field and above the form.

use std::collections::BTreeSet;

use cadastro::{
    account::FieldError,
    text::{Locale, Text},
};

use crate::support::{
    app::TestApp,
    browser::{Browser, DESKTOP, PHONE},
    database::TestDatabase,
    visitor::Visitor,
};

use super::PASSWORD;

const FIELDS: [&str; 4] = ["username", "email", "password", "password_confirmation"];

/// What is typed into a field, the code of the error that it gets, and what the sentence names.
type Entry<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

const fn good(typed: &str) -> Entry<'_> {
    (typed, "", &[])
}

const fn bad<'a>(typed: &'a str, code: &'a str) -> Entry<'a> {
    (typed, code, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_stands_beside_its_field_and_above_the_form_in_both_languages() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    Visitor::new(&app).sign_up("maria").await;
    let long_name = "m".repeat(31);
    let long_email = format!("maria@{}.example.com", "m".repeat(250));
    let long_password = "correct horse battery staple ".repeat(5);
    let limits = [("min", "3"), ("max", "30")];
    let differs = bad("something else", "mismatch");
    let rows: [[Entry; 4]; 9] = [
        [bad("", "required"); 4],
        [
            ("jo", "too_short", &limits),
            bad("joana", "missing_at"),
            ("short", "too_short", &[("min", "8")]),
            differs,
        ],
        [
            (&long_name, "too_long", &limits),
            (&long_email, "too_long", &[("max", "254")]),
            (&long_password, "too_long", &[("max", "128")]),
            differs,
        ],
        [
            bad("jo ana", "contains_space"),
            bad("joão@example.com", "local_part_not_ascii"),
            bad("password1", "too_common"),
            good("password1"),
        ],
        [
            ("jo<ana", "invalid_character", &[("character", "<")]),
            (
                "joana@example",
                "domain_incomplete",
                &[("domain", "example")],
            ),
            bad("asdfasdfasdf", "too_weak"),
            good("asdfasdfasdf"),
        ],
        [
            bad(".joana", "must_start_with_letter_or_digit"),
            bad("joana@@example.com", "invalid"),
            bad("my.joana password", "contains_username"),
            good("my.joana password"),
        ],
        [
            // The letter in the middle is Cyrillic.
            bad("jo\u{430}na", "mixed_scripts"),
            good("beatrice@example.com"),
            bad("the horse of beatrice", "contains_email"),
            good("the horse of beatrice"),
        ],
        [
            bad("Admin", "reserved"),
            good("joana@example.com"),
            good(PASSWORD),
            good(PASSWORD),
        ],
        [
            bad("MARIA", "taken"),
            good("joana@example.com"),
            good(PASSWORD),
            good(PASSWORD),
        ],
    ];
    let shown = rows.iter().flat_map(|row| FIELDS.into_iter().zip(row));
    let shown = shown.filter(|(_, (_, code, _))| !code.is_empty());
    let shown: BTreeSet<_> = shown.map(|(field, (_, code, _))| (field, *code)).collect();
    let all = FieldError::ALL.iter();
    let all: BTreeSet<_> = all.map(|(field, code, _)| (field.name(), *code)).collect();
    assert_eq!(shown, all, "the rows show every error there is");

    for (locale, size) in [(Locale::PtBr, DESKTOP), (Locale::En, PHONE)] {
        let browser = Browser::open(size, false, true, locale.tag()).await;
        browser.goto(&app.url).await;
        for row in &rows {
            refused(&browser, locale, row).await;
        }
        assert_eq!(browser.complaints().await, [] as [&str; 0]);
    }
    assert_eq!(app.store.users(None, 10).await.expect("users").len(), 1);
}

/// Sends what the row says, and looks for what it says comes back.
async fn refused(browser: &Browser, locale: Locale, row: &[Entry<'_>; 4]) {
    let text = Text::new().expect("the templates agree");
    browser.follow("header a[href='/signup']").await;
    for (field, (typed, ..)) in FIELDS.into_iter().zip(row) {
        browser.fill(field, typed).await;
    }
    browser.follow("main [type=submit]").await;
    assert_eq!(browser.focused().await, "summary", "{row:?}");
    let title = browser.client.title().await.expect("a title");
    let error = text.sentence(locale, "form.error", &[]);
    assert!(title.starts_with(&error), "{title}");

    let mut summary = Vec::new();
    for (field, (typed, code, named)) in FIELDS.into_iter().zip(row) {
        let kept = if field.starts_with("password") {
            ""
        } else {
            typed
        };
        assert_eq!(browser.value(field).await, kept);
        let input = browser.wait_for(&format!("#{field}")).await;
        let invalid = input.attr("aria-invalid").await.expect("an element");
        assert_eq!(invalid.is_some(), !code.is_empty(), "{field} of {row:?}");
        if code.is_empty() {
            continue;
        }
        let error = text.sentence(locale, &format!("errors.{field}.{code}"), named);
        let beside = browser.text_of(&format!("#{field}-errors")).await;
        assert!(beside.ends_with(&error), "{beside:?} is not {error:?}");
        let described = input.attr("aria-describedby").await.expect("an element");
        assert!(described.is_some_and(|ids| ids.contains(&format!("{field}-errors"))));
        summary.push(error);
    }
    assert_eq!(browser.text_of(".summary ul").await, summary.join("\n"));
    for (field, (_, code, _)) in FIELDS.into_iter().zip(row) {
        if !code.is_empty() {
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
        "O domínio “example” está incompleto. Um e-mail completo é como nome@exemplo.com.br.",
        "Esta senha é muito comum e seria adivinhada logo. Escolha outra.",
        "Repita a senha.",
    ];
    assert_eq!(summary, expected.join("\n"));
    assert_eq!(browser.focused().await, "summary");
    assert_eq!(browser.value("username").await, "jo");
    let hint = browser.text_of("#password-hint").await;
    assert!(hint.starts_with("Digite a senha de novo"), "{hint}");
    browser.click(".summary a[href='#password']").await;
    assert_eq!(browser.focused().await, "password");
}
