//! One e-mail address: where letters go, and the key that tells two addresses apart.

use ::email_address::Options;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::{Field, FieldError};

/// An address that a letter can be sent to: `local-part@domain`, as RFC 5321 has it.
///
/// The domain may be typed in any script and is kept in ASCII (IDNA, `xn--…`), since mail servers
/// want it so. The part before the `@` must be ASCII: what else it may hold (RFC 6531) most servers
/// still refuse. An address has no display name, no comment and no `[192.0.2.1]` for a domain: people
/// have no such addresses, and forged forms do. A domain has a dot, as `maria@gmail` is a slip; only
/// `localhost` has none, for those who try cadastro out with the mail server of their own machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EmailAddress {
    ascii: String,
    key: String,
}

impl EmailAddress {
    /// The most characters: RFC 5321 allows a path of 256, of which two are its angle brackets.
    pub const MAX_CHARS: usize = 254;

    /// Judges what somebody typed; white space around it does not count.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(refuse("required"));
        }
        // Before anything that takes longer for a longer text.
        if text.chars().count() > Self::MAX_CHARS {
            return Err(too_long());
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| refuse("missing_at"))?;
        if !local.is_ascii() {
            return Err(refuse("local_part_not_ascii"));
        }
        // RFC 5321 takes no tab, not even in quotation marks; RFC 5322, by which the rest is judged, does.
        if local.contains(char::is_control) {
            return Err(refuse("invalid"));
        }
        let domain = ascii_domain(domain)?;
        let ascii = format!("{local}@{domain}");
        if ascii.len() > Self::MAX_CHARS {
            return Err(too_long());
        }
        let syntax = Options::default()
            .without_display_text()
            .without_domain_literal();
        ::email_address::EmailAddress::parse_with_options(&ascii, syntax)
            .map_err(|_| refuse("invalid"))?;
        let key = format!("{}@{domain}", unquoted(local).to_ascii_lowercase());
        Ok(Self { ascii, key })
    }

    /// The address to send to: ASCII throughout, the part before the `@` as it was typed. This is
    /// what is stored.
    pub fn ascii(&self) -> &str {
        &self.ascii
    }

    /// The address as people write it, the domain in its own script.
    pub fn shown(&self) -> String {
        readable(&self.ascii)
    }

    /// What uniqueness is judged by: in lower case throughout (servers may tell `Maria@` from
    /// `maria@`, people do not), and without quotation marks that change nothing.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// A stored address as people write it.
pub(super) fn readable(ascii: &str) -> String {
    match ascii.rsplit_once('@') {
        Some((local, domain)) => match idna::domain_to_unicode(domain) {
            (domain, Ok(())) => format!("{local}@{domain}"),
            _ => ascii.to_owned(),
        },
        None => ascii.to_owned(),
    }
}

fn refuse(code: &'static str) -> FieldError {
    FieldError::new(Field::Email, code)
}

fn too_long() -> FieldError {
    refuse("too_long").with("max", EmailAddress::MAX_CHARS)
}

/// The domain as host names are written (RFC 1123, in lower case), IDNA applied.
fn ascii_domain(typed: &str) -> Result<String, FieldError> {
    let domain = Uts46::new()
        .to_ascii(
            typed.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| refuse("invalid"))?;
    match domain.rsplit_once('.') {
        // No top-level domain is a number (RFC 3696): this is an IPv4 address, or a slip.
        Some((_, top)) if top.bytes().all(|b| b.is_ascii_digit()) => Err(refuse("invalid")),
        None if domain != "localhost" => Err(refuse("domain_incomplete").with("domain", typed)),
        _ => Ok(domain.into_owned()),
    }
}

/// `"maria"` is the mailbox `maria` (RFC 5321, 4.1.2); `"maria silva"` needs its quotation marks.
fn unquoted(local: &str) -> &str {
    local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|inner| {
            !inner.contains('"') && ::email_address::EmailAddress::is_valid_local_part(inner)
        })
        .unwrap_or(local)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        EmailAddress::parse(text).unwrap().key
    }

    fn code(text: &str) -> &'static str {
        EmailAddress::parse(text).unwrap_err().code
    }

    #[test]
    fn addresses_that_people_have_are_accepted() {
        for address in [
            "maria@example.com",
            "maria.silva+cadastro@correio.example.com.br",
            "o'neil@example.com",
            "x@example.co",
            "user%host_name=1@3com.example",
            "maria@localhost",
            "r3---d@r3---sn.example.com",
            r#""maria silva"@example.com"#,
        ] {
            assert_eq!(EmailAddress::parse(address).unwrap().ascii(), address);
        }
    }

    #[test]
    fn white_space_around_an_address_does_not_count() {
        assert_eq!(key("  maria@example.com\r\n"), "maria@example.com");
    }

    #[test]
    fn addresses_are_compared_without_case() {
        let address = EmailAddress::parse("Maria.Silva@EXAMPLE.com").unwrap();
        assert_eq!(address.ascii(), "Maria.Silva@example.com");
        assert_eq!(address.key(), "maria.silva@example.com");
    }

    #[test]
    fn quotation_marks_that_change_nothing_make_no_second_address() {
        assert_eq!(key(r#""maria"@example.com"#), "maria@example.com");
        assert_ne!(
            key(r#""maria silva"@example.com"#),
            "maria silva@example.com"
        );
    }

    #[test]
    fn a_domain_in_any_script_is_kept_in_ascii_and_shown_as_typed() {
        let address = EmailAddress::parse("maria@coração.example").unwrap();
        assert_eq!(address.ascii(), "maria@xn--corao-dra1a.example");
        assert_eq!(address.key(), address.ascii());
        assert_eq!(address.shown(), "maria@coração.example");
        assert_eq!(key("MARIA@CORAÇÃO.example"), address.key());
        assert_eq!(key("maria@XN--corao-dra1a.example"), address.key());
        assert_eq!(key("maria@例え。テスト"), "maria@xn--r8jz45g.xn--zckzah");
    }

    #[test]
    fn an_address_before_the_at_is_ascii() {
        assert_eq!(code("joão@example.com"), "local_part_not_ascii");
    }

    #[test]
    fn slips_are_told_apart() {
        assert_eq!(code(" "), "required");
        assert_eq!(code("maria"), "missing_at");
        assert_eq!(code("maria.example.com"), "missing_at");
        let error = EmailAddress::parse("maria@gmail").unwrap_err();
        assert_eq!(error.code, "domain_incomplete");
        assert_eq!(error.args, [("domain", "gmail".to_owned())]);
    }

    #[test]
    fn what_is_not_one_plain_address_is_refused() {
        for text in [
            "@example.com",
            "maria@",
            "maria@@example.com",
            "maria@exa mple.com",
            "maria silva@example.com",
            "maria@example..com",
            "maria@.example.com",
            "maria@example.com.",
            "maria@-example.com",
            "maria@exa_mple.com",
            "maria@exa!mple.com",
            ".maria@example.com",
            "maria.@example.com",
            "ma..ria@example.com",
            "Maria <maria@example.com>",
            "<maria@example.com>",
            "maria@example.com (Maria)",
            "maria@example.com, joao@example.com",
            "maria@example.com;joao@example.com",
            "maria@[127.0.0.1]",
            "maria@127.0.0.1",
            "maria@xn--a.example",
            "mailto:maria@example.com/?",
            "maria@example.com\r\nBcc: all@example.com",
            "maria\r\n@example.com",
            "\"ma\r\nria\"@example.com",
            "\"ma\tria\"@example.com",
            "maria\0@example.com",
        ] {
            assert_eq!(code(text), "invalid", "{text:?}");
        }
    }

    #[test]
    fn lengths_end_where_the_standard_ends_them() {
        let local = "a".repeat(64);
        assert!(EmailAddress::parse(&format!("{local}@example.com")).is_ok());
        assert_eq!(code(&format!("a{local}@example.com")), "invalid");
        let label = "b".repeat(63);
        let domain = format!("{label}.{label}.{}", "c".repeat(61));
        assert!(EmailAddress::parse(&format!("{local}@{domain}")).is_ok());
        let error = EmailAddress::parse(&format!("{local}@{domain}c")).unwrap_err();
        assert_eq!(error.code, "too_long");
        assert_eq!(error.args, [("max", "254".to_owned())]);
        assert_eq!(code(&format!("x@b{label}.com")), "invalid");
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error(text in any::<String>()) {
            let _ = EmailAddress::parse(&text);
        }

        #[test]
        fn an_address_holds_nothing_that_could_end_a_header(
            text in "[a-z.\"\\\\ \t\r\n\0<>,]{1,8}@[a-zçß例.\r\n-]{1,12}"
        ) {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.ascii().is_ascii());
                prop_assert!(!address.ascii().contains(['\r', '\n', '\0']));
                prop_assert!(!address.shown().contains(['\r', '\n', '\0']));
            }
        }

        #[test]
        fn an_address_read_back_is_the_same_address(
            text in r#"("[a-zA-Z. ]{1,6}"|[a-zA-Z0-9.+_-]{1,8})@[\p{L}a-zA-Z0-9-]{1,8}\.[a-z\p{L}]{2,6}"#
        ) {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(&EmailAddress::parse(address.ascii()).unwrap(), &address);
                prop_assert_eq!(&EmailAddress::parse(&address.shown()).unwrap(), &address);
                let again = EmailAddress::parse(address.key()).unwrap();
                prop_assert_eq!(again.key(), address.key());
            }
        }
    }
}
