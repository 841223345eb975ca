//! Why a letter did not leave, sorted by what the caller can do about it.

use std::{io, time::Duration};

use lettre::transport::smtp;

/// No letter left, or nobody knows whether it did.
///
/// | what happened | variant | final? | speaks of |
/// |---|---|---|---|
/// | 5xx to MAIL, RCPT, DATA or the letter itself | `Permanent` | yes | the letter |
/// | an address or a header that no letter can carry | `Invalid` | yes | the letter |
/// | 4xx to MAIL, RCPT, DATA or the letter itself | `Temporary` | no | the letter |
/// | 4xx before any letter: to the call, EHLO, STARTTLS, AUTH; 421 at any moment | `Busy` | no | the server |
/// | no address, call refused or not taken, line closed | `Unreachable` | no | the server |
/// | silent, or too slow with its whole answer, at any moment | `Unreachable` | no | the server |
/// | what is no reply, the reply to another question, or has no end | `Unreachable` | no | the server |
/// | 5xx before any letter; 530 (log in first) at any moment | `Misconfigured` | no | the server |
/// | STARTTLS or AUTH wanted but not offered, no TLS, certificate not trusted | `Misconfigured` | no | the server |
///
/// 552 is final like every other 5xx. RFC 5321 (4.5.3.1.10) would have it taken for 452 where it
/// answers the one recipient too many, but a letter of ours has a single one. What remains are a
/// full mailbox and a letter that is too long; mail servers themselves, Postfix among them, give
/// up then, and an operator's retry sends the letter once there is room.
///
/// Replies are quoted for the record of the attempt. Servers like to repeat the recipient in
/// them, so that they do not belong into a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The server refused this letter for good: trying again is no use.
    #[error("the mail server refused the letter: {code} {reply}")]
    Permanent { code: u16, reply: String },
    /// The server asks to come back later with this letter.
    #[error("the mail server asks to try again later: {code} {reply}")]
    Temporary { code: u16, reply: String },
    /// The server takes no letters at the moment.
    #[error("the mail server takes no letters now: {code} {reply}")]
    Busy { code: u16, reply: String },
    /// The server could not be reached, or the conversation broke off.
    #[error("the mail server was not reached: {reason}")]
    Unreachable {
        reason: String,
        /// The whole letter had been handed over when the answer was lost, so that a second
        /// hand-over may deliver it twice, under the same Message-ID.
        outcome_unknown: bool,
    },
    /// Every letter will fail like this one until an operator mends the settings.
    #[error("the mail settings need an operator: {0}")]
    Misconfigured(String),
    /// Such a letter cannot be written at all.
    #[error("not a letter: {0}")]
    Invalid(String),
}

impl MailError {
    /// Whether another attempt with the same letter is bound to fail as well.
    pub fn is_permanent(&self) -> bool {
        matches!(self, MailError::Permanent { .. } | MailError::Invalid(_))
    }

    /// Whether any other letter would have failed as this one did.
    pub fn speaks_of_the_server(&self) -> bool {
        match self {
            MailError::Busy { .. }
            | MailError::Unreachable { .. }
            | MailError::Misconfigured(_) => true,
            MailError::Permanent { .. } | MailError::Temporary { .. } | MailError::Invalid(_) => {
                false
            }
        }
    }

    /// Whether the letter may have arrived all the same.
    pub fn outcome_unknown(&self) -> bool {
        matches!(
            self,
            MailError::Unreachable {
                outcome_unknown: true,
                ..
            }
        )
    }

    /// The server's three digits, where it gave any.
    pub fn code(&self) -> Option<u16> {
        match self {
            MailError::Permanent { code, .. }
            | MailError::Temporary { code, .. }
            | MailError::Busy { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Says of a conversation that broke off that the letter had been handed over before.
    pub(super) fn after_hand_over(self) -> Self {
        match self {
            MailError::Unreachable { reason, .. } => MailError::Unreachable {
                reason,
                outcome_unknown: true,
            },
            other => other,
        }
    }

    /// Says of a reply that it is not about one letter but about all of them.
    pub(super) fn before_any_letter(self) -> Self {
        match self {
            MailError::Temporary { code, reply } => MailError::Busy { code, reply },
            MailError::Permanent { code, reply } => {
                MailError::Misconfigured(format!("it answered {code} {reply}"))
            }
            other => other,
        }
    }

    /// Says of a server that did not take the call where it was looked for.
    pub(super) fn at(self, host: &str, port: u16) -> Self {
        match self {
            MailError::Unreachable { reason, .. } => {
                MailError::unreachable(format!("{host} port {port}: {reason}"))
            }
            other => other,
        }
    }

    pub(super) fn unreachable(reason: impl Into<String>) -> Self {
        MailError::Unreachable {
            reason: reason.into(),
            outcome_unknown: false,
        }
    }

    pub(super) fn silent(step: &str, limit: Duration) -> Self {
        MailError::unreachable(format!("no answer to {step} within {limit:?}"))
    }

    pub(super) fn replied(code: u16, text: &str) -> Self {
        let reply = one_line(text);
        match code {
            421 => MailError::Busy { code, reply },
            530 => MailError::Misconfigured(format!("it answered 530 {reply}")),
            500..600 => MailError::Permanent { code, reply },
            400..500 => MailError::Temporary { code, reply },
            _ => MailError::unreachable(format!("it answered {code} out of turn")),
        }
    }
}

impl From<smtp::Error> for MailError {
    fn from(error: smtp::Error) -> Self {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        match (error.status(), cause) {
            (Some(code), text) => MailError::replied(code.into(), &text.unwrap_or_default()),
            (None, Some(cause)) if error.is_client() => MailError::Misconfigured(cause),
            (None, Some(cause)) if cause == "incomplete response" => {
                MailError::unreachable("it closed the connection")
            }
            (None, Some(cause)) => MailError::unreachable(one_line(&cause)),
            (None, None) => MailError::unreachable(error.to_string()),
        }
    }
}

impl From<io::Error> for MailError {
    fn from(error: io::Error) -> Self {
        let tls = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            // Not a broken line: the two sides do not trust, or do not understand, each other.
            Some(tls) => MailError::Misconfigured(format!("no TLS with it: {tls}")),
            None => MailError::unreachable(error.to_string()),
        }
    }
}

/// Longer replies are cut: they are kept with every attempt and shown on a page.
const LONGEST_REPLY: usize = 500;

/// A server's words as one printable line.
pub(super) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(LONGEST_REPLY)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_or_impossible_letter_is_final() {
        assert!(MailError::replied(550, "no such user").is_permanent());
        assert!(MailError::Invalid("no address".into()).is_permanent());
        assert!(!MailError::replied(451, "later").is_permanent());
        assert!(!MailError::replied(421, "closing").is_permanent());
        assert!(!MailError::replied(530, "log in first").is_permanent());
        assert!(!MailError::unreachable("gone").is_permanent());
        assert!(
            !MailError::replied(535, "wrong password")
                .before_any_letter()
                .is_permanent()
        );
    }

    #[test]
    fn a_reply_before_any_letter_speaks_of_the_server() {
        for code in [421, 450, 454, 535, 554] {
            let reply = MailError::replied(code, "no").before_any_letter();
            assert!(reply.speaks_of_the_server(), "{reply:?}");
        }
        for (code, of_the_server) in [(421, true), (450, false), (530, true), (550, false)] {
            let reply = MailError::replied(code, "no");
            assert_eq!(reply.speaks_of_the_server(), of_the_server, "{reply:?}");
        }
    }

    #[test]
    fn a_reply_is_kept_as_one_short_printable_line() {
        assert_eq!(
            one_line("5.1.1 No\r\n such\u{7} user "),
            "5.1.1 No such user"
        );
        assert_eq!(one_line(&"x".repeat(9_000)).len(), LONGEST_REPLY);
    }
}
