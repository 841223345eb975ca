//! SMTP: one conversation with the mail server, kept from letter to letter.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lettre::transport::smtp::{
    authentication::Mechanism,
    client::{AsyncSmtpConnection, AsyncTokioStream},
    commands::{Data, Mail, Rcpt, Rset},
    extension::{Extension, MailBodyParameter, MailParameter},
    response::Response,
};
use tokio::{net::TcpStream, time::timeout};

use super::{
    MailError, Message, SmtpSettings,
    error::one_line,
    settings::Encryption,
    tls::{Asked, Trust, Wire, ask_for_tls},
};
use crate::fail_points;

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
}

impl Connection {
    pub(super) fn new(route: Arc<Route>) -> Self {
        Connection { route, line: None }
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
        let rest = self.route.patience.rest;
        // Taken out while we talk: should this future be dropped in mid-conversation, so is the line.
        let kept = self
            .line
            .take()
            .filter(|line| line.used_at.elapsed() < rest);
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
            Ok(()) => line.hand_over(message).await,
            Err(error) => Err(error),
        };
        self.line = line.kept_after(&sent).await;
        sent
    }

    /// Takes leave of the server, if there still is a connection.
    pub async fn close(&mut self) {
        if let Some(mut line) = self.line.take() {
            // A server that does not wait for our farewell has lost nothing.
            let _ = timeout(line.patience.step, line.smtp.quit()).await;
        }
    }
}

/// The connection was closed, or is about to be (421), or has fallen silent.
fn says_nothing_of_the_letter(error: &MailError) -> bool {
    matches!(
        error,
        MailError::Unreachable { .. } | MailError::Temporary { code: 421, .. }
    )
}

/// An open conversation, in step.
struct Line {
    smtp: AsyncSmtpConnection,
    patience: Patience,
    used_at: Instant,
}

impl Line {
    /// Connects, encrypts and logs in as the settings ask.
    async fn open(route: &Route) -> Result<Self, MailError> {
        Line::prepare(route)
            .await
            .map_err(MailError::before_any_letter)
    }

    async fn prepare(route: &Route) -> Result<Self, MailError> {
        let Route {
            server,
            trust,
            patience,
        } = route;
        let step = patience.step;
        let address = (server.host.as_str(), server.port);
        let tcp = within(step, "the call", TcpStream::connect(address))
            .await
            .map_err(|e| e.at(&server.host, server.port))?;
        // Without it every letter waits some 40 ms for the acknowledgement of its own last line.
        tcp.set_nodelay(true)?;
        let peer = tcp.peer_addr()?;
        let handshake = |tcp| within(step, "the handshake", trust.handshake(&server.host, tcp));
        let wire: Box<dyn AsyncTokioStream> = match server.encryption {
            Encryption::None => Box::new(Wire::fresh(tcp, peer)),
            Encryption::Implicit => Box::new(Wire::fresh(handshake(tcp).await?, peer)),
            Encryption::Required | Encryption::Opportunistic => {
                match within(step, "STARTTLS", ask_for_tls(tcp, &server.hello)).await? {
                    Asked::Granted(tcp) => Box::new(Wire::greeted(handshake(tcp).await?, peer)),
                    Asked::NotOffered(tcp) if server.encryption == Encryption::Opportunistic => {
                        Box::new(Wire::greeted(tcp, peer))
                    }
                    Asked::NotOffered(_) => {
                        return Err(MailError::Misconfigured(
                            "it does not offer STARTTLS".into(),
                        ));
                    }
                }
            }
        };
        let greeting = AsyncSmtpConnection::connect_with_transport(wire, &server.hello);
        let mut smtp = within(step, "the greeting", greeting).await?;
        if let Some(credentials) = &server.credentials {
            let log_in = smtp.auth(&[Mechanism::Plain, Mechanism::Login], credentials);
            let reply = within(step, "AUTH", log_in).await?;
            expect(&reply, &[235])?;
        }
        Ok(Line {
            smtp,
            patience: *patience,
            used_at: Instant::now(),
        })
    }

    /// Announces a letter. An error here leaves no trace of it on the server.
    async fn begin(&mut self, message: &Message) -> Result<(), MailError> {
        let mut parameters = Vec::new();
        if message.needs_smtputf8() {
            if !self
                .smtp
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                return Err(MailError::Invalid(
                    "this mail server takes no accents before the @ of an address".into(),
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let mail = Mail::new(message.envelope().from().cloned(), parameters);
        let reply = within(self.patience.step, "MAIL", self.smtp.command(mail)).await?;
        expect(&reply, &[250])
    }

    async fn hand_over(&mut self, message: &Message) -> Result<Accepted, MailError> {
        let Patience {
            step, acceptance, ..
        } = self.patience;
        for to in message.envelope().to() {
            let rcpt = Rcpt::new(to.clone(), Vec::new());
            let reply = within(step, "RCPT", self.smtp.command(rcpt)).await?;
            expect(&reply, &[250, 251])?;
        }
        let reply = within(step, "DATA", self.smtp.command(Data)).await?;
        expect(&reply, &[354])?;
        let bytes = message.formatted();
        let reply = within(acceptance, "the letter", self.smtp.message(&bytes))
            .await
            .and_then(|reply| expect(&reply, &[250]).map(|()| reply))
            .map_err(MailError::after_hand_over)?;
        fail_points::pass("letter.after_250");
        let words = reply.message().collect::<Vec<_>>().join(" ");
        Ok(Accepted {
            reply: one_line(&format!("{} {words}", reply.code())),
        })
    }

    /// The line, if it may carry another letter.
    async fn kept_after(mut self, sent: &Result<Accepted, MailError>) -> Option<Self> {
        match sent {
            Ok(_) => {}
            Err(MailError::Temporary { code: 421, .. }) => return None,
            // A plain refusal leaves both sides in step, once the half-told letter is forgotten.
            Err(MailError::Permanent { .. } | MailError::Temporary { .. }) => {
                let reset = within(self.patience.step, "RSET", self.smtp.command(Rset));
                expect(&reset.await.ok()?, &[250]).ok()?;
            }
            Err(_) => return None,
        }
        self.used_at = Instant::now();
        Some(self)
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line")
            .field("used_at", &self.used_at)
            .finish_non_exhaustive()
    }
}

/// lettre takes any 2xx and 3xx for success; a wrong one says that both sides are out of step.
fn expect(reply: &Response, codes: &[u16]) -> Result<(), MailError> {
    let code = u16::from(reply.code());
    if codes.contains(&code) {
        return Ok(());
    }
    Err(MailError::replied(code, ""))
}

/// lettre waits for ever: every step has its time.
async fn within<T, E: Into<MailError>>(
    limit: Duration,
    step: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, MailError> {
    match timeout(limit, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(MailError::silent(step, limit)),
    }
}
