//! Who writes and who is written to: one address, with a name before it or without.

use std::{fmt, str::FromStr};

use lettre::{Address, message::Mailbox};

use super::BadSetting;

/// Who writes the letters: the setting `--mail-from`, such as `Cadastro <no-reply@localhost>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl Sender {
    /// What stands after the `@`; the right-hand side of every Message-ID.
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }

    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Sender {
    type Err = BadSetting;

    fn from_str(text: &str) -> Result<Self, BadSetting> {
        mailbox(text).map(Sender).ok_or_else(|| {
            BadSetting("MAIL_FROM is not of the form `Name <name@example.org>`".into())
        })
    }
}

/// Reads `address` or `Name <address>`; the name may hold anything printable.
pub(super) fn mailbox(text: &str) -> Option<Mailbox> {
    let text = text.trim();
    if text.contains(char::is_control) {
        return None;
    }
    let Some(inner) = text.strip_suffix('>') else {
        return Some(Mailbox::new(None, address(text)?));
    };
    let (name, address_text) = inner.rsplit_once('<')?;
    let name = name.trim();
    let name = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name);
    let name = (!name.is_empty()).then(|| name.to_owned());
    Some(Mailbox::new(name, address(address_text)?))
}

/// Reads one address; its domain is turned into the ASCII that every mail server knows.
fn address(text: &str) -> Option<Address> {
    let (user, domain) = text.rsplit_once('@')?;
    if domain.is_ascii() {
        return Address::new(user, domain).ok();
    }
    let domain = url::Host::parse(domain).ok()?.to_string();
    Address::new(user, domain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_that_cannot_be_read_is_named_by_its_setting() {
        let error = "Cadastro".parse::<Sender>().expect_err("no address");
        assert!(error.to_string().starts_with("MAIL_FROM "), "{error}");
        assert_eq!(
            "Cadastro <no-reply@localhost>"
                .parse::<Sender>()
                .expect("the default")
                .domain(),
            "localhost"
        );
    }
}
