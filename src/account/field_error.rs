//! What is wrong with a field: a word that programs read, which is also the key of a sentence.

use std::fmt;

use serde::Serialize;

/// A field of the sign-up form, by the name it has in the form and in JSON.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Username,
    Email,
    Password,
    PasswordConfirmation,
}

impl Field {
    /// Every field, in the order of the form.
    pub const ALL: [Field; 4] = [
        Field::Username,
        Field::Email,
        Field::Password,
        Field::PasswordConfirmation,
    ];

    /// The `name` attribute, and the key under `errors` in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Field::Username => "username",
            Field::Email => "email",
            Field::Password => "password",
            Field::PasswordConfirmation => "password_confirmation",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why one field was refused. `Display` is for logs and never repeats what was typed; people get
/// the sentence of [`FieldError::key`] in their language.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}: {code}")]
pub struct FieldError {
    pub field: Field,
    /// One of [`FieldError::ALL`]. Published in the JSON API, so a code never changes its name.
    pub code: &'static str,
    /// What the sentence fills into its `{placeholders}`, by name.
    pub args: Vec<(&'static str, String)>,
}

impl FieldError {
    /// Every error there is, with the names of its arguments. Each has a sentence
    /// `errors.<field>.<code>` in every language.
    ///
    /// | argument | is |
    /// |---|---|
    /// | `min`, `max` | a limit, in characters |
    /// | `character` | the first character refused; an invisible one as `U+200B` |
    /// | `domain` | what stands after the `@` |
    pub const ALL: &'static [(Field, &'static str, &'static [&'static str])] = &[
        (Field::Username, "required", &[]),
        (Field::Username, "too_short", &["min", "max"]),
        (Field::Username, "too_long", &["min", "max"]),
        (Field::Username, "contains_space", &[]),
        (Field::Username, "invalid_character", &["character"]),
        (Field::Username, "must_start_with_letter_or_digit", &[]),
        (Field::Username, "mixed_scripts", &[]),
        (Field::Username, "reserved", &[]),
        (Field::Username, "taken", &[]),
        (Field::Email, "required", &[]),
        (Field::Email, "too_long", &["max"]),
        (Field::Email, "missing_at", &[]),
        (Field::Email, "local_part_not_ascii", &[]),
        (Field::Email, "domain_incomplete", &["domain"]),
        (Field::Email, "invalid", &[]),
        (Field::Password, "required", &[]),
        (Field::Password, "too_short", &["min"]),
        (Field::Password, "too_long", &["max"]),
        (Field::Password, "too_common", &[]),
        (Field::Password, "contains_username", &[]),
        (Field::Password, "contains_email", &[]),
        (Field::Password, "too_weak", &[]),
        (Field::PasswordConfirmation, "required", &[]),
        (Field::PasswordConfirmation, "mismatch", &[]),
    ];

    /// The name belongs to somebody already; only the store can know.
    pub fn username_taken() -> Self {
        Self::new(Field::Username, "taken")
    }

    /// The key of the sentence that tells people: `errors.username.too_short`.
    pub fn key(&self) -> String {
        format!("errors.{}.{}", self.field, self.code)
    }

    pub(super) fn new(field: Field, code: &'static str) -> Self {
        Self {
            field,
            code,
            args: Vec::new(),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.args.push((name, value.to_string()));
        self
    }
}
