//! The same sign-up sent twice, and names that are taken.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{all_jobs, users};
use crate::support::{
    app::TestApp,
    database::TestDatabase,
    visitor::{PASSWORD, Visitor, filled},
};

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_twice_makes_one_user_and_one_receipt() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let form = filled("maria", "maria@example.com", KEY);
        let first = visitor.post("/signup", &form).await.with_status(303);
        let second = visitor.post("/signup", &form).await.with_status(303);
        assert_eq!(first.location(), second.location());
        assert_eq!(users(&app).await, ["maria"], "{database}");
        assert_eq!(all_jobs(&app).await.len(), 3, "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_ten_times_at_once_makes_one_user_and_one_receipt() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let form = filled("maria", "maria@example.com", KEY);
        let answers = join_all((0..10).map(|_| visitor.post("/signup", &form))).await;
        let places: BTreeSet<_> = answers
            .into_iter()
            .map(|answer| answer.with_status(303).location().to_owned())
            .collect();
        assert_eq!(places.len(), 1, "{database}");
        assert_eq!(users(&app).await, ["maria"], "{database}");
        assert_eq!(all_jobs(&app).await.len(), 3, "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_who_want_one_name_at_once_are_one_user_and_nine_who_are_told() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let sign_up = async |number: usize| {
            let email = format!("maria{number}@example.com");
            visitor.post("/signup", &filled("maria", &email, "")).await
        };
        let answers = join_all((0..10).map(sign_up)).await;
        let (welcome, told): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 303);
        assert_eq!(welcome.len(), 1, "{database}");
        for answer in told {
            let beside = answer.with_status(422).error_beside("username");
            let beside = beside.expect("an error");
            assert!(beside.contains("already in use"), "{beside}");
        }
        assert_eq!(users(&app).await, ["maria"], "{database}");
        assert_eq!(all_jobs(&app).await.len(), 3, "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_came_before_with_other_data_starts_a_fresh_form() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let maria = filled("maria", "maria@example.com", KEY);
        visitor.post("/signup", &maria).await.with_status(303);
        let joana = filled("joana", "joana@example.com", KEY);
        let page = visitor.post("/signup", &joana).await.with_status(422);
        let notice = page.notice().expect("a notice");
        let told = "This form was sent before with other details";
        assert!(notice.contains(told), "{notice}");
        assert_eq!(page.value("username"), "joana");

        let key = page.value("idempotency_key");
        assert_ne!(key, KEY);
        let joana = filled("joana", "joana@example.com", key);
        visitor.post("/signup", &joana).await.with_status(303);
        assert_eq!(users(&app).await, ["joana", "maria"], "{database}");

        let visitor = visitor.speaking("pt-BR");
        let bia = filled("bia", "bia@example.com", KEY);
        let page = visitor.post("/signup", &bia).await.with_status(422);
        let notice = page.notice().expect("a notice");
        let told = "Este formulário já foi enviado com outros dados";
        assert!(notice.contains(told), "{notice}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_submit_with_another_password_is_not_told_of_success() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        Visitor::new(&app).sign_up("maria").await;
        let visitor = Visitor::new(&app);
        // An address that is new, and one that has an account already: nobody can tell which is which.
        for (name, email) in [
            ("bruno", "bruno@example.com"),
            ("celia", "maria@example.com"),
        ] {
            let form = filled(name, email, name);
            let first = visitor.post("/signup", &form).await.with_status(303);
            let mut other = form;
            for field in &mut other[3..] {
                field.1 = "outra tulipa quarenta";
            }
            let page = visitor.post("/signup", &other).await.with_status(422);
            let notice = page.notice().expect("a notice");
            let told = "This form was sent before with other details";
            assert!(notice.contains(told), "{notice}");
            let body = json!({"username": name, "email": email, "password": other[3].1});
            let request = visitor.request(Method::POST, "/api/v1/signups");
            let request = request.header("Idempotency-Key", name).json(&body);
            let told = visitor.send(request).await.with_status(422).json();
            let code = &told["errors"]["idempotency_key"][0]["code"];
            assert_eq!(code, "reused", "{told}");

            let again = visitor.post("/signup", &form).await.with_status(303);
            assert_eq!(again.location(), first.location(), "{name} on {database}");
        }
        visitor.log_in("bruno", PASSWORD).await.with_status(303);
        assert_eq!(users(&app).await, ["bruno", "maria"], "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_another_spelling_is_the_same_name() {
    for database in TestDatabase::both() {
        let app = TestApp::start(&database).await;
        let visitor = Visitor::new(&app);
        let first = visitor.sign_up_as("João", "inacio@example.com").await;
        first.with_status(303);
        for spelling in ["joão", "JOÃO", "joa\u{303}o", "ｊｏãｏ", " João "] {
            let page = visitor.sign_up_as(spelling, "outro@example.com").await;
            let beside = page.with_status(422).error_beside("username");
            assert!(beside.is_some(), "{spelling} on {database}");
        }
        visitor
            .sign_up_as("joao", "joao@example.com")
            .await
            .with_status(303);
        assert_eq!(users(&app).await, ["joao", "João"], "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_key_is_no_key() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = Visitor::new(&app);
    let long = "k".repeat(256);
    for (number, key) in ["", " ", "a\0b", "ключ", &long].into_iter().enumerate() {
        let name = format!("maria{number}");
        let email = format!("{name}@example.com");
        let form = filled(&name, &email, key);
        visitor.post("/signup", &form).await.with_status(303);
    }
    assert_eq!(users(&app).await.len(), 5);
}
