//! A letter: to whom, about what, as text and as HTML; a Message-ID made from its job.

use std::{fmt, str::FromStr, time::SystemTime};

use jiff::Timestamp;
use lettre::{
    Address,
    address::Envelope,
    message::{
        Mailbox, MultiPart, MultiPartKind, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{BadSetting, MailError};

/// Who writes the letters: the setting `--mail-from`, such as `Cadastro <no-reply@localhost>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl Sender {
    /// What stands after the `@`; the right-hand side of every Message-ID.
    pub fn domain(&self) -> &str {
        self.0.email.domain()
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

/// What a letter is made of, as its author knows it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// One recipient: `ana@example.org` or `Ana <ana@example.org>`.
    pub to: String,
    /// One line; white space around it is dropped.
    pub subject: String,
    /// The letter for readers of plain text.
    pub text: String,
    /// The same letter as a whole HTML page.
    pub html: String,
    /// From [`message_id`], the same at every attempt.
    pub message_id: String,
    /// The instant in the `Date` header.
    pub date: Timestamp,
}

/// A letter that can be sent: every part of it has been checked.
///
/// The same draft always gives the same bytes, so that a second hand-over is the same letter.
#[derive(Clone, Debug)]
pub struct Message {
    draft: Draft,
    letter: lettre::Message,
}

impl Message {
    /// Writes the letter.
    ///
    /// # Errors
    ///
    /// [`MailError::Invalid`] when the recipient is not one address, or when something that
    /// belongs into one header line holds a line break or another control character.
    pub fn new(from: &Sender, draft: Draft) -> Result<Self, MailError> {
        let invalid = |what: &str| MailError::Invalid(what.to_owned());
        let to = mailbox(&draft.to).ok_or_else(|| invalid("the recipient is not one address"))?;
        let subject = draft.subject.trim();
        if subject.contains(char::is_control) {
            return Err(invalid("the subject is more than one line"));
        }
        if !is_message_id(&draft.message_id) {
            return Err(invalid("the Message-ID is not of the form `<left@right>`"));
        }
        let envelope = Envelope::new(Some(from.0.email.clone()), vec![to.email.clone()])
            .map_err(|e| MailError::Invalid(e.to_string()))?;
        let letter = lettre::Message::builder()
            .from(from.0.clone())
            .to(to)
            .subject(subject)
            .date(SystemTime::from(draft.date))
            .message_id(Some(draft.message_id.clone()))
            // RFC 3834: no holiday note answers this letter.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".into(),
            ))
            .envelope(envelope)
            .multipart(
                MultiPart::builder()
                    .kind(MultiPartKind::Alternative)
                    .boundary(boundary(&draft.message_id))
                    .singlepart(SinglePart::plain(draft.text.clone()))
                    .singlepart(SinglePart::html(draft.html.clone())),
            )
            .map_err(|e| MailError::Invalid(e.to_string()))?;
        Ok(Message { draft, letter })
    }

    /// The recipient's address as mail servers see it: a domain with accents is in punycode.
    pub fn to(&self) -> &str {
        self.envelope().to().first().map_or("", AsRef::as_ref)
    }

    /// What the letter is about.
    pub fn subject(&self) -> &str {
        self.draft.subject.trim()
    }

    /// The part for readers of plain text.
    pub fn text(&self) -> &str {
        &self.draft.text
    }

    /// The part for everybody else.
    pub fn html(&self) -> &str {
        &self.draft.html
    }

    /// What makes a second copy of this letter known as one.
    pub fn message_id(&self) -> &str {
        &self.draft.message_id
    }

    /// The letter as it travels: headers and both parts, lines ended by CR LF.
    pub fn formatted(&self) -> Vec<u8> {
        self.letter.formatted()
    }

    pub(super) fn envelope(&self) -> &Envelope {
        self.letter.envelope()
    }

    /// Whether only a server that knows SMTPUTF8 can take it: an accent before the `@`.
    pub(super) fn needs_smtputf8(&self) -> bool {
        let envelope = self.envelope();
        envelope
            .to()
            .iter()
            .chain(envelope.from())
            .any(|address| !address.to_string().is_ascii())
    }
}

/// The Message-ID of the letter that job `job_id` sends, such as `<job-7.1763886000000000@localhost>`.
///
/// Every attempt of the job makes the same one. The instant of the row's creation tells it from
/// job 7 of another database that sends in the name of the same `domain`.
pub fn message_id(job_id: i64, created_at: Timestamp, domain: &str) -> String {
    format!("<job-{job_id}.{}@{domain}>", created_at.as_microsecond())
}

/// Reads `address` or `Name <address>`; the name may hold anything printable.
fn mailbox(text: &str) -> Option<Mailbox> {
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

fn is_message_id(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|t| t.strip_suffix('>'));
    let parts = inner.and_then(|inner| inner.split_once('@'));
    parts.is_some_and(|parts| {
        [parts.0, parts.1].iter().all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"<>@\"".contains(&b))
        })
    })
}

/// A boundary made from the Message-ID, because a random one would make each copy different.
///
/// `=_` cannot stand in quoted-printable or base64, and nobody who writes into a letter knows
/// the microsecond in which its job was made.
fn boundary(message_id: &str) -> String {
    let id = message_id.chars().filter(char::is_ascii_alphanumeric);
    format!("=_{}", id.take(60).collect::<String>())
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;

    fn draft() -> Draft {
        Draft {
            to: "Ana Lúcia <ana@example.org>".into(),
            subject: "Olá, Ana!".into(),
            text: "Que bom que você veio.\nAté já!\n".into(),
            html: "<p>Que bom que você veio.</p>".into(),
            message_id: message_id(7, date(), "example.org"),
            date: date(),
        }
    }

    fn date() -> Timestamp {
        "2025-11-23T08:20:00.000001Z".parse().expect("a date")
    }

    fn write(draft: Draft) -> Result<Message, MailError> {
        Message::new(
            &"José da Conceição, Cadastro <jose@example.org>"
                .parse()
                .expect("a sender"),
            draft,
        )
    }

    fn header_lines(letter: &Message) -> Vec<String> {
        let bytes = letter.formatted();
        let all = String::from_utf8(bytes).expect("letters are ASCII");
        let head = all.split("\r\n\r\n").next().expect("headers");
        head.replace("\r\n ", " ")
            .split("\r\n")
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_message_id_is_made_from_the_job() {
        assert_eq!(
            message_id(7, date(), "localhost"),
            "<job-7.1763886000000001@localhost>"
        );
    }

    #[test]
    fn both_parts_and_every_accent_arrive() {
        let bytes = write(draft()).expect("a letter").formatted();
        assert!(bytes.is_ascii());
        let read = MessageParser::default().parse(&bytes).expect("readable");
        assert_eq!(read.subject(), Some("Olá, Ana!"));
        assert_eq!(
            read.body_text(0).as_deref(),
            Some("Que bom que você veio.\r\nAté já!\r\n")
        );
        assert_eq!(
            read.body_html(0).as_deref(),
            Some("<p>Que bom que você veio.</p>")
        );
        let from = read.from().and_then(|from| from.first()).expect("a sender");
        assert_eq!(from.name(), Some("José da Conceição, Cadastro"));
        assert_eq!(from.address(), Some("jose@example.org"));
        let to = read.to().and_then(|to| to.first()).expect("a recipient");
        assert_eq!(to.name(), Some("Ana Lúcia"));
    }

    #[test]
    fn the_headers_say_when_by_whom_and_that_no_person_wrote_it() {
        let lines = header_lines(&write(draft()).expect("a letter"));
        assert!(
            lines.contains(&"Date: Sun, 23 Nov 2025 08:20:00 +0000".into()),
            "{lines:?}"
        );
        assert!(lines.contains(&"Message-ID: <job-7.1763886000000001@example.org>".into()));
        assert!(lines.contains(&"Auto-Submitted: auto-generated".into()));
        assert!(lines.contains(&"MIME-Version: 1.0".into()));
    }

    #[test]
    fn the_same_draft_gives_the_same_bytes() {
        let (one, two) = (write(draft()).expect("one"), write(draft()).expect("two"));
        assert_eq!(one.formatted(), two.formatted());
    }

    #[test]
    fn a_domain_with_accents_travels_as_punycode() {
        let letter = write(Draft {
            to: "ana@mãe.example".into(),
            ..draft()
        })
        .expect("a letter");
        assert_eq!(letter.to(), "ana@xn--me-sia.example");
        assert!(!letter.needs_smtputf8());
    }

    #[test]
    fn a_recipient_is_exactly_one_address() {
        for to in [
            "",
            "ana",
            "ana@",
            "@example.org",
            "ana@example.org, eva@example.org",
            "ana@example.org> <eva@example.org",
            "Ana <ana@example.org",
            "ana@example.org\r\nBcc: eva@example.org",
            "ana@example.org>\r\nRCPT TO:<eva@example.org",
        ] {
            let refused = write(Draft {
                to: to.into(),
                ..draft()
            })
            .expect_err(to);
            assert!(refused.is_permanent(), "{to}: {refused}");
        }
    }

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

    proptest! {
        #[test]
        fn nobody_can_write_a_header_of_their_own(
            name in "\\PC{0,10}|.{0,3}(\r|\n|\r\n)Bcc: eva@example.org.{0,3}",
            subject in "(?s).{0,40}|x(\r|\n|\r\n|\u{85}|\u{2028})Bcc: eva@example.org",
            text in "(?s).{0,40}",
        ) {
            let wanted = header_names(&write(draft()).expect("a letter"));
            let written = write(Draft {
                to: format!("{name} <ana@example.org>"),
                subject: subject.clone(),
                text,
                ..draft()
            });
            if let Ok(letter) = written {
                prop_assert_eq!(header_names(&letter), wanted);
                prop_assert_eq!(letter.to(), "ana@example.org");
                let bytes = letter.formatted();
                let read = MessageParser::default().parse(&bytes).expect("readable");
                let read = read.subject().unwrap_or_default().trim().to_owned();
                prop_assert_eq!(read, subject.trim());
            }
        }
    }

    fn header_names(letter: &Message) -> Vec<String> {
        let name = |line: &String| line.split(':').next().map(str::to_owned);
        header_lines(letter).iter().filter_map(name).collect()
    }
}
