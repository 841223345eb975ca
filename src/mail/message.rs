//! A letter: to whom, about what, as text and as HTML; a Message-ID made from its job.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::{
    address::Envelope,
    message::{
        MultiPart, MultiPartKind, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{
    MailError,
    address::{Sender, mailbox},
};

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
        let envelope = Envelope::new(Some(from.mailbox().email.clone()), vec![to.email.clone()])
            .map_err(|e| MailError::Invalid(e.to_string()))?;
        let letter = lettre::Message::builder()
            .from(from.mailbox().clone())
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
mod tests;
