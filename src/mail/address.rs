//! Who writes and who is written to: one address, with a name before it or without.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use lettre::{Address, message::Mailbox};

use super::BadSetting;
use crate::config::settings;

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
        let bad = |expected: &str| BadSetting {
            setting: &settings::MAIL_FROM,
            expected: expected.to_owned(),
        };
        let example = "give an e-mail address, such as Cadastro <no-reply@example.org>";
        // What lettre writes and cannot read again, it does not send either.
        let mailbox = mailbox(text)
            .filter(|mailbox| mailbox.email.to_string().parse::<Mailbox>().is_ok())
            .ok_or_else(|| bad(example))?;
        // Every letter would need servers that know SMTPUTF8, all the way to its reader.
        if !mailbox.email.user().is_ascii() {
            return Err(bad("give an address without accents before the @"));
        }
        Ok(Sender(mailbox))
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
    // lettre reads brackets around what is no IP address, and cannot write it.
    if domain.starts_with('[') && !is_literal(domain) {
        return None;
    }
    if domain.is_ascii() {
        return Address::new(user, domain).ok();
    }
    let domain = url::Host::parse(domain).ok()?.to_string();
    Address::new(user, domain).ok()
}

/// Whether this is an address literal of RFC 5321: `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
fn is_literal(domain: &str) -> bool {
    let inner = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| match inner.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => inner.parse::<Ipv4Addr>().is_ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_that_no_letter_could_bear_is_refused() {
        for text in [
            "",
            "a@b c",
            "a@@b",
            "a..b@example.org",
            "a@-example.org",
            "Ana <a@b> x",
            "Ana <>",
            "a@example.org, b@example.org",
            "josé@example.org",
            "a@[]",
            "a@[-]",
            "a@[::1]",
        ] {
            assert!(text.parse::<Sender>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_sender_that_cannot_be_read_is_named_by_its_setting() {
        let error = "Cadastro".parse::<Sender>().expect_err("no address");
        assert!(error.to_string().starts_with("MAIL_FROM: "), "{error}");
        assert_eq!(
            "Cadastro <no-reply@localhost>"
                .parse::<Sender>()
                .expect("the default")
                .domain(),
            "localhost"
        );
    }
}
