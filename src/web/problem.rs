//! Errors as programs read them: `application/problem+json`, RFC 9457.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{Argument, WebError};
use crate::{
    account::FieldError,
    text::{Locale, Text},
};

/// The media type.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    r#type: &'static str,
    /// The status in the words of RFC 9110.
    title: &'static str,
    status: u16,
    /// What happened, for a person.
    detail: String,
    /// For 422: what is wrong, by field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: BTreeMap<String, Vec<Fault>>,
    /// For 500: what finds the error in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Fault {
    code: &'static str,
    message: String,
}

impl Problem {
    /// What `error`, answered with `status`, looks like to a program.
    pub fn new(
        error: &WebError,
        status: StatusCode,
        reference: Option<String>,
        text: &Text,
        locale: Locale,
    ) -> Self {
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail(error, status, text, locale),
            errors: errors(error, text, locale),
            reference,
        }
    }
}

/// A sentence for those who may show it to a person; for those who sent nonsense, what it was.
fn detail(error: &WebError, status: StatusCode, text: &Text, locale: Locale) -> String {
    match error {
        WebError::Unreadable(_)
        | WebError::Conflict(_)
        | WebError::MediaType(_)
        | WebError::Method(_)
        | WebError::KeyReused
        | WebError::Unknown
        | WebError::WrongToken
        | WebError::Forbidden => error.to_string(),
        _ => {
            let key = format!("errors.status.{}.message", status.as_u16());
            let mut told = match text.has_sentence(&key) {
                true => text.sentence(locale, &key, &[]),
                false => return error.to_string(),
            };
            // Where time mends it, that is what there is to do; the page of the error says so too.
            if let Some(seconds) = error.retry_after() {
                let seconds = seconds.to_string();
                let wait = [("seconds", seconds.as_str())];
                told.push(' ');
                told.push_str(&text.sentence(locale, "errors.page.retry_after", &wait));
            }
            told
        }
    }
}

fn errors(error: &WebError, text: &Text, locale: Locale) -> BTreeMap<String, Vec<Fault>> {
    let mut errors = BTreeMap::<String, Vec<Fault>>::new();
    let mut add = |field: &str, code, message| {
        let faults = errors.entry(field.to_owned()).or_default();
        faults.push(Fault { code, message });
    };
    match error {
        WebError::Fields(fields) => {
            for field in fields {
                add(
                    field.field.name(),
                    field.code,
                    sentence(field, text, locale),
                );
            }
        }
        WebError::Arguments(arguments) => {
            for Argument {
                field,
                code,
                message,
            } in arguments
            {
                add(field, code, message.clone());
            }
        }
        WebError::KeyReused => add("idempotency_key", "reused", error.to_string()),
        _ => {}
    }
    errors
}

/// What is wrong with a field of a sign-up, in the visitor's language.
pub fn sentence(error: &FieldError, text: &Text, locale: Locale) -> String {
    let args: Vec<(&str, &str)> = error
        .args
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    text.sentence(locale, &error.key(), &args)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn problem(error: WebError, status: u16) -> serde_json::Value {
        let text = Text::new().expect("the templates agree");
        let status = StatusCode::from_u16(status).expect("a status");
        let problem = Problem::new(&error, status, None, &text, Locale::En);
        serde_json::to_value(problem).expect("a problem is JSON")
    }

    #[test]
    fn a_wrong_field_is_told_by_code_and_sentence() {
        let taken = WebError::Fields(vec![FieldError::username_taken()]);
        assert_eq!(
            problem(taken, 422),
            json!({
                "type": "about:blank",
                "title": "Unprocessable Entity",
                "status": 422,
                "detail": "Some of the details could not be accepted. Check them, correct them and send them again.",
                "errors": {"username": [{
                    "code": "taken",
                    "message": "This username is already in use. Choose another.",
                }]},
            })
        );
    }

    #[test]
    fn whoever_has_to_wait_is_told_for_how_long() {
        let throttled = WebError::Throttled(Duration::from_secs(2));
        assert_eq!(
            problem(throttled, 429)["detail"],
            "We received many attempts in a short time. Try again in 2 seconds."
        );
    }

    #[test]
    fn a_fault_of_ours_says_nothing_of_its_insides() {
        let fault = problem(WebError::fault("SELECT secret FROM users"), 500);
        assert!(!fault.to_string().contains("secret"), "{fault}");
    }
}
