//! Who signed up: plain data, parsed once and right ever after.
//!
//! A form becomes an [`Application`], or a [`FieldError`] for each field that is wrong. Its
//! [`Password`] goes to the [`Hasher`]; with the hash the rest is a [`NewUser`], which the store
//! keeps as a [`User`].

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::Locale;

mod again;
mod application;
mod email_address;
mod field_error;
mod hashing;
mod letters;
mod login;
mod network;
mod password;
mod phc;
mod pool;
mod token;
mod username;

pub use application::Application;
pub use email_address::EmailAddress;
pub use field_error::{Field, FieldError};
pub use hashing::{HashError, Hasher};
pub use login::Login;
pub use network::Network;
pub use password::Password;
pub use token::Token;
pub use username::Username;

/// A user's number in the database.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somebody who signed up, as the store gives them back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    pub id: UserId,
    /// [`Username::shown`].
    pub username: String,
    /// [`EmailAddress::ascii`]: ready to be sent to.
    pub email: String,
    /// The language of the pages that the user signed up on, and of the letters since.
    pub locale: Locale,
    /// Whether the operator's console is open to this user.
    pub operator: bool,
    pub created_at: Timestamp,
}

impl User {
    /// The address as people write it, its domain in its own script.
    pub fn shown_email(&self) -> String {
        email_address::readable(&self.email)
    }
}

/// Somebody who is about to be written down; what is still missing only the store can give.
#[derive(Clone)]
pub struct NewUser {
    pub username: Username,
    pub email: EmailAddress,
    /// A PHC string, made by [`Hasher::hash`].
    pub password_hash: String,
    pub locale: Locale,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("username", &self.username)
            .field("email", &self.email)
            .field("locale", &self.locale)
            .finish_non_exhaustive()
    }
}
