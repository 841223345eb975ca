//! Bad form data, field by field and in both languages.

use cadastro::{
    account::{EmailAddress, Login},
    mail::{Draft, Message, message_id},
    text::{Locale, Text},
};
use jiff::Timestamp;
use proptest::prelude::*;

use super::users;
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    page::Page,
    visitor::{PASSWORD, Visitor, filled},
};

/// A field with what is typed into it, the error, and what its sentence names.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const LONG: &str = "a2345678901234567890123456789012";
const LIMITS: &[(&str, &str)] = &[("min", "3"), ("max", "30")];

const CASES: &[Case] = &[
    ("username", "", "required", &[]),
    ("username", " \t ", "required", &[]),
    ("username", "ab", "too_short", LIMITS),
    ("username", LONG, "too_long", LIMITS),
    ("username", "ana silva", "contains_space", &[]),
    (
        "username",
        "ana<b>",
        "invalid_character",
        &[("character", "<")],
    ),
    (
        "username",
        "ana\0",
        "invalid_character",
        &[("character", "U+0000")],
    ),
    ("username", ".ana", "must_start_with_letter_or_digit", &[]),
    ("username", "m\u{430}ria", "mixed_scripts", &[]),
    ("username", "Admin", "reserved", &[]),
    ("username", "ｒｏｏｔ", "reserved", &[]),
    ("username", "Maria", "taken", &[]),
    ("username", "ｍａｒｉａ", "taken", &[]),
    ("email", "", "required", &[]),
    ("email", "ana", "missing_at", &[]),
    ("email", "joão@example.com", "local_part_not_ascii", &[]),
    (
        "email",
        "ana@gmail",
        "domain_incomplete",
        &[("domain", "gmail")],
    ),
    ("email", "ana@@example.com", "invalid", &[]),
    ("email", "ana@example.com, bia@example.com", "invalid", &[]),
    (
        "email",
        "ana@example.com\r\nBcc: bia@example.com",
        "invalid",
        &[],
    ),
    ("email", "ana\0@example.com", "invalid", &[]),
    ("email", "\"ana\tb\"@example.com", "invalid", &[]),
    ("password", "", "required", &[]),
    ("password", "kT7#qzL", "too_short", &[("min", "8")]),
    ("password", "password", "too_common", &[]),
    ("password", "asdfasdfasdf", "too_weak", &[]),
    (
        "password",
        "janela ana.lima quarenta",
        "contains_username",
        &[],
    ),
    (
        "password",
        "janela lima1990 quarenta",
        "contains_email",
        &[],
    ),
    ("password_confirmation", "", "required", &[]),
    (
        "password_confirmation",
        "tulipa janela cinquenta",
        "mismatch",
        &[],
    ),
];

/// A good form but for one field.
fn form<'a>(field: &str, typed: &'a str) -> [(&'static str, &'a str); 4] {
    let mut form = [
        ("username", "ana.lima"),
        ("email", "lima1990@example.com"),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ];
    for (name, value) in &mut form {
        // A password that is refused is refused however often it is typed; one that is missing is missed once.
        let repeats = field == "password" && *name == "password_confirmation" && !typed.is_empty();
        if *name == field || repeats {
            *value = typed;
        }
    }
    form
}

/// The form says once above and once beside which field is wrong, and nothing of the others.
#[track_caller]
fn tells_of(page: &Page, field: &str, sentence: &str) {
    assert_eq!(page.status, 422, "{}", page.body);
    assert_eq!(page.summary(), [(field.to_owned(), sentence.to_owned())]);
    let beside = page.error_beside(field).expect("an error beside the field");
    assert!(beside.ends_with(sentence), "{beside}");
    for name in ["username", "email", "password", "password_confirmation"] {
        let input = page.input(name);
        assert_eq!(input.get("id"), Some(name));
        let told = input.get("aria-describedby").unwrap_or_default();
        let told: Vec<_> = told.split_whitespace().collect();
        assert!(told.iter().all(|id| page.by_id(id).is_some()), "{told:?}");
        let is_wrong = name == field;
        assert_eq!(input.get("aria-invalid"), is_wrong.then_some("true"));
        assert_eq!(told.contains(&&*format!("{name}-errors")), is_wrong);
        assert_eq!(page.error_beside(name).is_some(), is_wrong);
    }
    let title = page.named("title").next().expect("a title").text();
    let error = ["Error:", "Erro:"]
        .iter()
        .any(|word| title.starts_with(word));
    assert!(error, "{title}");
}

/// What was typed is there again, but for the passwords.
#[track_caller]
fn keeps(page: &Page, form: &[(&str, &str)]) {
    for (name, typed) in form {
        match name.starts_with("password") {
            true => {
                assert_eq!(page.input(name).get("value"), None);
                let kept = format!("value=\"{typed}\"");
                assert!(typed.is_empty() || !page.body.contains(&kept), "{typed}");
            }
            false => assert_eq!(page.value(name), *typed),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_field_is_told_in_the_visitors_language_and_the_rest_is_kept() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let text = Text::new().expect("the templates agree");
    Visitor::new(&app).sign_up("maria").await;
    for locale in Locale::ALL {
        let visitor = Visitor::new(&app).speaking(locale.tag());
        for (field, typed, code, args) in CASES {
            let form = form(field, typed);
            let page = visitor.post("/signup", &form).await;
            let key = format!("errors.{field}.{code}");
            tells_of(&page, field, &text.sentence(locale, &key, args));
            keeps(&page, &form);
            assert_eq!(page.lang(), locale.tag());
            assert_eq!(page.header("content-language"), Some(locale.tag()));
            page.holds_no_code();
        }
    }
    assert_eq!(users(&app).await, ["maria"], "nothing was saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_told_at_once_in_the_order_of_the_form() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let form = [
        ("username", "a b"),
        ("email", "maria@"),
        ("password", "short"),
        ("password_confirmation", "shirt"),
    ];
    let page = Visitor::new(&app)
        .post("/signup", &form)
        .await
        .with_status(422);
    let line = |field: &str, sentence: &str| (field.to_owned(), sentence.to_owned());
    assert_eq!(
        page.summary(),
        [
            line("username", "The username cannot contain spaces."),
            line("email", "Enter one valid e-mail, such as name@example.com."),
            line("password", "The password needs at least 8 characters."),
            line(
                "password_confirmation",
                "The two passwords are not the same."
            ),
        ]
    );
    keeps(&page, &form);

    let visitor = Visitor::new(&app).speaking("pt-BR");
    let page = visitor.post("/signup", &[]).await.with_status(422);
    assert_eq!(
        page.summary(),
        [
            line("username", "Escolha um nome de usuário."),
            line("email", "Informe seu e-mail."),
            line("password", "Crie uma senha."),
            line("password_confirmation", "Repita a senha."),
        ]
    );
    assert_eq!(users(&app).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_mended_after_an_error_goes_through() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let wrong = visitor.sign_up_as("maria", "maria@").await.with_status(422);
        let key = wrong.value("idempotency_key");
        let mended = filled("maria", "maria@example.com", key);
        visitor.post("/signup", &mended).await.with_status(303);
        assert_eq!(users(&app).await, ["maria"], "{database}");
    }
}

proptest! {
    #[test]
    fn whoever_has_an_address_that_is_accepted_can_be_written_to_and_log_in_with_it(
        typed in r#"("[a-z .,:;<>@\t\\"]{1,8}"|[a-z.+'%{]{1,8})@[a-zç]{1,5}\.example"#,
    ) {
        if let Ok(address) = EmailAddress::parse(&typed) {
            let letter = Draft {
                to: address.ascii().to_owned(),
                subject: "Welcome".to_owned(),
                text: "Welcome".to_owned(),
                html: "Welcome".to_owned(),
                message_id: message_id(1, Timestamp::UNIX_EPOCH, "example.org"),
                date: Timestamp::UNIX_EPOCH,
            };
            let sender = "no-reply@example.org".parse().expect("a sender");
            let written = Message::new(&sender, letter);
            prop_assert!(written.is_ok(), "{written:?}");
            let login = Login::Email(address.key().to_owned());
            prop_assert_eq!(Login::parse(&typed), Some(login));
        }
    }
}
