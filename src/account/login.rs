//! Whom somebody means who logs in: a username or an e-mail address, typed into one field.

use super::{EmailAddress, Username};

/// The key to look a user up by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Login {
    /// Compare with [`Username::key`].
    Username(String),
    /// Compare with [`EmailAddress::key`].
    Email(String),
}

impl Login {
    /// Reads what was typed; what holds an `@` is an address, since no username does. `None` is
    /// nobody: no user can have such a name or address.
    pub fn parse(text: &str) -> Option<Self> {
        // PostgreSQL keeps no zero character, and nobody's name holds any of its kind.
        if text.trim().contains(char::is_control) {
            return None;
        }
        if text.contains('@') {
            let address = EmailAddress::parse(text).ok()?;
            Some(Self::Email(address.key().to_owned()))
        } else {
            // Not parsed: a name that is reserved today may have been given away yesterday.
            let key = Username::key_of(text);
            let longest = 3 * Username::MAX_CHARS;
            (!key.is_empty() && key.chars().count() <= longest).then_some(Self::Username(key))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_it_is_written() {
        let maria = Some(Login::Username("maria".to_owned()));
        assert_eq!(Login::parse("maria"), maria);
        assert_eq!(Login::parse(" MARIA "), maria);
    }

    #[test]
    fn an_address_is_found_however_it_is_written() {
        let maria = Some(Login::Email("maria@example.com".to_owned()));
        assert_eq!(Login::parse(" Maria@EXAMPLE.com "), maria);
    }

    #[test]
    fn what_nobody_can_be_called_is_nobody() {
        assert_eq!(Login::parse(" "), None);
        assert_eq!(Login::parse("maria@"), None);
        assert_eq!(Login::parse("ma\0ria"), None);
        assert_eq!(Login::parse(&"m".repeat(1000)), None);
    }
}
