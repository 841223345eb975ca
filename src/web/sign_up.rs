//! A sign-up, whichever door it comes through: the page's form or the API.

use actix_web::web;

use super::{WebError, visit::Visit};
use crate::{
    account::{Application, Field, FieldError},
    actors::Door,
    store::SignedUp,
    text::Locale,
};

/// The longest idempotency key.
const KEY_BYTES: usize = 255;

/// What somebody typed, or a program sent.
pub struct Typed {
    pub username: String,
    pub email: String,
    pub password: String,
    /// The password once more, as people type it.
    pub confirmation: Option<String>,
    pub locale: Locale,
}

/// Judges what was typed, and signs up whoever typed it. Counts what came of it.
pub async fn sign_up(
    visit: &Visit,
    typed: Typed,
    key: Option<String>,
) -> Result<SignedUp, WebError> {
    let answer = try_to(visit, typed, key).await;
    visit.state.metrics.signup(match &answer {
        // Also where the address is taken, of which the visitor is told nothing: operators see somebody try
        // one address after the other. Only they can read it, and programs on this machine.
        Ok(signed_up) if signed_up.repeated || signed_up.address_taken => "duplicate",
        Ok(_) => "created",
        Err(error) => outcome(error),
    });
    answer
}

/// Counts a sign-up that could not even be read.
pub fn count_unreadable(visit: &Visit) {
    visit.state.metrics.signup("invalid");
}

async fn try_to(visit: &Visit, typed: Typed, key: Option<String>) -> Result<SignedUp, WebError> {
    let registrar = &visit.state.registrar;
    registrar.admit(Door::SignUp, visit.address).await?;
    // How easily a password is guessed takes a while to find out, and other visitors wait here.
    let application = web::block(move || {
        let Typed {
            username,
            email,
            password,
            confirmation,
            locale,
        } = typed;
        Application::parse(
            &username,
            &email,
            &password,
            confirmation.as_deref(),
            locale,
        )
    });
    let application = application
        .await
        .map_err(|error| WebError::Fault(error.to_string().into()))?
        .map_err(WebError::Fields)?;
    Ok(registrar.sign_up(application, key).await?)
}

fn outcome(error: &WebError) -> &'static str {
    let taken = (Field::Username, FieldError::username_taken().code);
    match error {
        WebError::Fields(errors) if errors.iter().any(|e| (e.field, e.code) == taken) => {
            "duplicate"
        }
        WebError::Fields(_) | WebError::KeyReused => "invalid",
        WebError::Throttled(_) => "throttled",
        _ => "error",
    }
}

/// Whether a key is one that we take: visible ASCII, and not endless.
pub fn is_key(key: &str) -> bool {
    (1..=KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_answer_is_counted_as_one_thing() {
        assert_eq!(
            outcome(&WebError::Fields(vec![FieldError::username_taken()])),
            "duplicate"
        );
        assert_eq!(outcome(&WebError::Fields(Vec::new())), "invalid");
        assert_eq!(outcome(&WebError::Throttled(Duration::ZERO)), "throttled");
        assert_eq!(outcome(&WebError::Away(String::new())), "error");
        assert_eq!(outcome(&WebError::Busy), "error");
    }

    #[test]
    fn a_key_is_visible_and_short() {
        assert!(is_key("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        assert!(is_key(&"k".repeat(255)));
        for bad in ["", "a b", "a\0", "é", &"k".repeat(256)] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }
}
