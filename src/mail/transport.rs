//! SMTP: one conversation with the mail server, kept from letter to letter.

use std::{sync::Arc, time::Duration};

use super::{MailError, Message, SmtpSettings, line::Line, tls::Trust};

/// How long the mail server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For each step of the conversation.
    pub step: Duration,
    /// For the answer to a letter handed over: losing that one may cost a second copy.
    pub acceptance: Duration,
    /// A connection that has rested for longer is not used again.
    pub rest: Duration,
}

impl Default for Patience {
    /// Seconds instead of the minutes of RFC 5321 (4.5.3.2): an attempt has one minute in all,
    /// and the next one is never far.
    fn default() -> Self {
        Patience {
            step: Duration::from_secs(15),
            acceptance: Duration::from_secs(30),
            rest: Duration::from_secs(30),
        }
    }
}

/// All that is needed to reach the server, shared by every connection.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) server: SmtpSettings,
    pub(super) trust: Trust,
    pub(super) patience: Patience,
}

/// The server has taken over the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its words, often with the name under which its own log knows the letter.
    pub reply: String,
}

/// One EmailActor's way to the mail server: one letter at a time, over one connection.
///
/// It survives every error. After any doubt the connection is dropped, and the next letter opens
/// another: an answer that comes late must never be taken for the answer to the next letter.
#[derive(Debug)]
pub struct Connection {
    route: Arc<Route>,
    line: Option<Line>,
    in_doubt: bool,
}

impl Connection {
    pub(super) fn new(route: Arc<Route>) -> Self {
        Connection {
            route,
            line: None,
            in_doubt: false,
        }
    }

    pub(super) async fn open(&mut self) -> Result<(), MailError> {
        self.line = Some(Line::open(&self.route).await?);
        Ok(())
    }

    /// Hands one letter over. `Ok` means that the server answered 250 to the whole of it.
    ///
    /// Nothing is tried again, with one exception: a connection that was open before and
    /// turns out closed when this letter begins is replaced once, without a word.
    ///
    /// # Errors
    ///
    /// As the table at [`MailError`] says.
    pub async fn send(&mut self, message: &Message) -> Result<Accepted, MailError> {
        self.in_doubt = false;
        let rest = self.route.patience.rest;
        // Taken out while we talk: should this future be dropped in mid-conversation, so is the line.
        let kept = self.line.take().filter(|line| line.rested() < rest);
        let is_kept = kept.is_some();
        let mut line = match kept {
            Some(line) => line,
            None => Line::open(&self.route).await?,
        };
        let mut begun = line.begin(message).await;
        if is_kept && begun.as_ref().is_err_and(says_nothing_of_the_letter) {
            line = Line::open(&self.route).await?;
            begun = line.begin(message).await;
        }
        let sent = match begun {
            Ok(()) => self.hand_over(&mut line, message).await,
            Err(error) => Err(error),
        };
        self.line = line.kept_after(&sent).await;
        sent
    }

    /// Whether the newest letter may have been taken over although nobody said so: its answer was
    /// lost, or [`Connection::send`] was dropped while it waited for one.
    pub fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Takes leave of the server, if there still is a connection.
    pub async fn close(&mut self) {
        if let Some(line) = self.line.take() {
            line.close().await;
        }
    }

    async fn hand_over(
        &mut self,
        line: &mut Line,
        message: &Message,
    ) -> Result<Accepted, MailError> {
        line.address(message).await?;
        self.in_doubt = true;
        let sent = line.deliver(message).await;
        self.in_doubt = sent.as_ref().is_err_and(MailError::outcome_unknown);
        sent
    }
}

/// The connection was closed, or is about to be (421), or has fallen silent.
fn says_nothing_of_the_letter(error: &MailError) -> bool {
    matches!(
        error,
        MailError::Unreachable { .. } | MailError::Busy { .. }
    )
}
