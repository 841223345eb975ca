//! What a request may bring along, and how much of it.

use std::io;

use actix_web::{
    error::{JsonPayloadError, PayloadError, UrlencodedError},
    web::{self, ServiceConfig},
};

use super::error::WebError;

/// The largest form.
const FORM_BYTES: usize = 16 * 1024;

/// The largest JSON, where a route does not say otherwise.
const JSON_BYTES: usize = 64 * 1024;

/// Makes actix-web's extractors speak of their errors in our words.
pub fn configure(config: &mut ServiceConfig) {
    config
        .app_data(
            web::FormConfig::default()
                .limit(FORM_BYTES)
                .error_handler(|error, _| WebError::from(error).into()),
        )
        .app_data(json_up_to(JSON_BYTES))
        // An address with a number that is none leads nowhere.
        .app_data(web::PathConfig::default().error_handler(|_, _| WebError::NotFound.into()))
        .app_data(web::QueryConfig::default().error_handler(|error, _| {
            WebError::Unreadable(format!("the query cannot be read: {error}")).into()
        }));
}

/// JSON of up to so many bytes.
pub fn json_up_to(bytes: usize) -> web::JsonConfig {
    web::JsonConfig::default()
        .limit(bytes)
        .error_handler(|error, _| WebError::from(error).into())
}

impl From<UrlencodedError> for WebError {
    fn from(error: UrlencodedError) -> Self {
        match error {
            UrlencodedError::Overflow { .. } => WebError::TooLarge,
            UrlencodedError::ContentType => {
                WebError::MediaType("application/x-www-form-urlencoded")
            }
            UrlencodedError::Payload(error) => error.into(),
            other => WebError::Unreadable(other.to_string()),
        }
    }
}

impl From<JsonPayloadError> for WebError {
    fn from(error: JsonPayloadError) -> Self {
        match error {
            JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
                WebError::TooLarge
            }
            JsonPayloadError::ContentType => WebError::MediaType("application/json"),
            JsonPayloadError::Payload(error) => error.into(),
            JsonPayloadError::Deserialize(error) => {
                WebError::Unreadable(format!("the JSON cannot be read: {error}"))
            }
            other => WebError::Unreadable(other.to_string()),
        }
    }
}

impl From<PayloadError> for WebError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Overflow => WebError::TooLarge,
            PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => WebError::TooSlow,
            other => WebError::Unreadable(other.to_string()),
        }
    }
}
