//! Pages and letters as their readers get them, in both languages.

use serde_json::json;

use super::*;

fn jobs() -> Value {
    let at = 1_795_442_709_000_000_i64;
    json!([
        {
            "id": 1, "kind": "welcome_email", "title": "Welcome", "state": "scheduled", "state_label": "Scheduled",
            "attempt": 0, "max_attempts": 20, "run_at": at, "started_at": null, "finished_at": null,
            "progress": null, "result": null, "error": null,
            "waiting": true, "running": false, "done": false, "failed": false,
        },
        {
            "id": 2, "kind": "simple_task", "title": "Simple", "state": "executing", "state_label": "Running",
            "attempt": 1, "max_attempts": 20, "run_at": at, "started_at": at, "finished_at": null,
            "progress": 0, "result": null, "error": null,
            "waiting": false, "running": true, "done": false, "failed": false,
        },
        {
            "id": 3, "kind": "parameter_task", "title": "Parameter", "state": "completed", "state_label": "Done",
            "attempt": 2, "max_attempts": 20, "run_at": at, "started_at": at, "finished_at": at,
            "progress": 100, "result": "For <ana>", "error": null,
            "waiting": false, "running": false, "done": true, "failed": false,
        },
    ])
}

/// Every page, with data that show most of it.
fn pages() -> Vec<(&'static str, Value)> {
    let jobs = jobs();
    let at = 1_795_442_709_000_000_i64;
    let no_errors =
        json!({ "username": [], "email": [], "password": [], "password_confirmation": [] });
    let letter = json!({
        "id": 1, "to": "ana@example.com", "from": "Cadastro <no-reply@localhost>", "subject": "Hi",
        "sent_at": at, "message_id": "<job-1@localhost>", "text": "Hi <you>",
        "html_url": "/dev/mailbox/1/html", "raw_url": "/dev/mailbox/1/raw",
    });
    vec![
        ("pages/home", json!({})),
        (
            "pages/signup",
            json!({
                "form": { "username": "", "email": "" }, "idempotency_key": "k", "password_hint": "Long.", "errors": [],
                "field_errors": no_errors, "notice": null, "retry_after": null,
            }),
        ),
        (
            "pages/signup",
            json!({
                "form": { "username": "<b>", "email": "x\"y" }, "idempotency_key": "k", "password_hint": "Again.",
                "errors": [{ "field": "username", "message": "Too <short>" }],
                "field_errors": {
                    "username": ["Too <short>", "Reserved"], "email": [], "password": [],
                    "password_confirmation": [],
                },
                "notice": "Away", "retry_after": 1,
            }),
        ),
        (
            "pages/receipt",
            json!({ "username": "ana", "jobs": jobs, "events_url": "/signup/x/events", "finale": null, "still": false, "refresh": 5 }),
        ),
        (
            "pages/receipt",
            json!({
                "username": "ana", "jobs": jobs, "events_url": null, "finale": "failed", "still": false,
                "refresh": null, "now": at,
            }),
        ),
        ("partials/finale", json!({ "finale": "cancelled" })),
        ("partials/jobs", json!({ "jobs": jobs })),
        (
            "pages/account",
            json!({
                "user": { "username": "ana", "email": "ana@example.com", "created_at": at },
                "jobs": jobs, "events_url": "/events", "live": true,
            }),
        ),
        (
            "pages/account",
            json!({
                "user": { "username": "ana", "email": "ana@example.com", "created_at": at },
                "jobs": [], "events_url": null, "live": false,
            }),
        ),
        (
            "pages/login",
            json!({
                "form": { "login": "" }, "errors": [], "field_errors": { "login": [], "password": [] },
                "error": null, "notice": null, "next": null,
            }),
        ),
        (
            "pages/login",
            json!({
                "form": { "login": "ana" }, "errors": [], "field_errors": { "login": [], "password": [] },
                "error": "Wrong", "notice": "Bye", "next": "/x?a=b",
            }),
        ),
        (
            "pages/login",
            json!({
                "form": { "login": "" }, "errors": [{ "field": "password", "message": "Enter it." }],
                "field_errors": { "login": [], "password": ["Enter it."] }, "error": null, "notice": null,
                "next": null,
            }),
        ),
        ("pages/mailbox", json!({ "letters": [] })),
        ("pages/mailbox", json!({ "letters": [letter] })),
        ("pages/letter", json!({ "letter": letter })),
        (
            "pages/error",
            json!({
                "status": 503, "title": "Away", "message": "Soon.", "reference": "7f3a", "retry_after": 5,
                "back": "/signup",
            }),
        ),
        (
            "pages/error",
            json!({
                "status": 404, "title": "No", "message": "Gone.", "reference": null, "retry_after": null,
                "back": null,
            }),
        ),
    ]
}

/// `data` with what the layout asks for, for a stranger and for somebody logged in.
fn framed(data: &Value) -> [Value; 2] {
    [json!(null), json!({ "username": "ana", "operator": false })].map(|visitor| {
        let mut data = data.clone();
        data["path"] = json!("/signup");
        data["here"] = json!("/signup?a=b");
        data["mailbox"] = json!(!visitor.is_null());
        data["visitor"] = visitor;
        data
    })
}

#[test]
fn every_page_renders_in_both_languages() {
    let text = Text::new().unwrap();
    for (name, data) in pages() {
        for locale in Locale::ALL {
            for data in framed(&data) {
                let page = text.render(name, locale, &data).unwrap_or_else(|error| {
                    panic!("{name}: {:?}", std::error::Error::source(&error))
                });
                if name.starts_with("pages/") {
                    assert!(page.starts_with("<!DOCTYPE html>"), "{name}: {page:.60}");
                    assert!(
                        page.contains(&format!(r#"<html lang="{locale}">"#)),
                        "{name}"
                    );
                    assert_eq!(page.matches("<h1").count(), 1, "{name}");
                }
                assert!(
                    !page.contains("style=") && !page.contains("<style"),
                    "{name} breaks the CSP"
                );
            }
        }
    }
}

#[test]
fn letters_render_in_both_languages_and_both_parts() {
    let text = Text::new().unwrap();
    let data = json!({ "username": "d'ávila", "base_url": "https://example.com" });
    for letter in ["welcome_email", "address_taken"] {
        for locale in Locale::ALL {
            let html = text
                .render(&format!("email/{letter}.html"), locale, &data)
                .unwrap();
            let plain = text
                .render(&format!("email/{letter}.text"), locale, &data)
                .unwrap();

            assert!(html.starts_with("<!DOCTYPE html>"), "{html:.60}");
            assert!(html.contains(r#"href="https://example.com/login""#));
            assert!(html.contains("d&#x27;ávila") && !html.contains("<img"));
            assert!(plain.contains("d'ávila") && plain.contains("\nhttps://example.com/login\n"));
            assert!(!plain.contains('<') && !plain.starts_with('\n'), "{plain}");
            assert!(text.has_sentence(&format!("email/{letter}.subject").replace('/', ".")));
        }
    }
}

#[test]
fn what_a_visitor_typed_is_escaped() {
    let text = Text::new().unwrap();
    let (name, data) = pages().swap_remove(2);
    let page = text.render(name, Locale::En, &framed(&data)[0]).unwrap();

    assert!(page.contains(r#"value="&lt;b&gt;""#) && !page.contains("<b>"));
    assert!(page.contains(r##"<a href="#username">Too &lt;short&gt;</a>"##));

    let heading = json!({ "username": "<i>", "jobs": [], "events_url": null, "finale": "done", "still": false, "refresh": null });
    let page = text
        .render("pages/receipt", Locale::En, &framed(&heading)[0])
        .unwrap();
    assert!(page.contains("We have your sign-up, &lt;i&gt;!"));
}

#[test]
fn instants_are_written_for_people_and_for_programs() {
    let text = Text::new().unwrap();
    let data = json!({ "jobs": jobs() });

    let portuguese = text.render("partials/jobs", Locale::PtBr, &data).unwrap();
    let time = r#"<time datetime="2026-11-23T14:05:09Z" data-countdown="a qualquer momento">23/11/2026 14:05:09 UTC</time>"#;
    assert!(portuguese.contains(time), "{portuguese}");
    let english = text.render("partials/jobs", Locale::En, &data).unwrap();
    assert!(
        english
            .contains(r#"<time datetime="2026-11-23T14:05:09Z">23 Nov 2026, 14:05:09 UTC</time>"#)
    );
}

#[test]
fn assets_are_found_under_the_names_that_pages_give_them() {
    let text = Text::new().unwrap();
    let (name, data) = pages().swap_remove(0);
    let page = text.render(name, Locale::En, &framed(&data)[0]).unwrap();

    let names: Vec<&str> = page
        .split("\"/assets/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        assert!(
            text.asset(name)
                .is_some_and(|asset| !asset.bytes.is_empty()),
            "{name}"
        );
    }
}

#[test]
fn a_sentence_that_cannot_be_said_is_still_something_to_read() {
    let text = Text::new().unwrap();

    assert_eq!(
        text.sentence(Locale::En, "jobs.kind.unheard_of", &[]),
        "jobs.kind.unheard_of"
    );
    assert_eq!(
        text.sentence(Locale::En, "errors.throttled", &[("seconds", "1")]),
        "We received many attempts in a short time. Wait 1 second and try again."
    );
    assert!(
        text.sentence(Locale::En, "errors.throttled", &[])
            .contains("{seconds}")
    );
}

#[test]
fn data_that_do_not_fit_are_an_error() {
    let text = Text::new().unwrap();

    assert!(matches!(
        text.render("pages/home", Locale::En, &7),
        Err(TextError::NotAMap(_))
    ));
    assert!(matches!(
        text.render("pages/home", Locale::En, &json!({})),
        Err(TextError::Unfilled { .. })
    ));
    assert!(matches!(
        text.render("pages/unheard_of", Locale::En, &json!({})),
        Err(TextError::Unfilled { .. })
    ));
}

#[test]
fn the_keys_a_template_asks_for_are_found() {
    let template = r#"{{t "a.b" n=1}} {{> x label=(t "c") hint = (t "d")}} {{~t "e"}} {{t key}}"#;

    let mut keys: Vec<&str> = sentence_keys(template).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["a.b", "c", "d", "e"]);
}
