//! One conversation with the mail server, step by step, each within its time.

use std::time::{Duration, Instant};

use lettre::transport::smtp::{
    authentication::Mechanism,
    client::{AsyncSmtpConnection, AsyncTokioStream},
    commands::{Data, Mail, Rcpt, Rset},
    extension::{Extension, MailBodyParameter, MailParameter},
    response::Response,
};
use tokio::{net::TcpStream, time::timeout};

use super::{
    MailError, Message,
    error::one_line,
    settings::Encryption,
    tls::{Asked, Wire, ask_for_tls},
    transport::{Accepted, Patience, Route},
};

/// An open conversation, in step.
pub(super) struct Line {
    smtp: AsyncSmtpConnection,
    patience: Patience,
    used_at: Instant,
}

impl Line {
    /// Connects, encrypts and logs in as the settings ask.
    pub(super) async fn open(route: &Route) -> Result<Self, MailError> {
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
    pub(super) async fn begin(&mut self, message: &Message) -> Result<(), MailError> {
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

    /// Says to whom the letter goes, and asks for leave to dictate it.
    pub(super) async fn address(&mut self, message: &Message) -> Result<(), MailError> {
        let step = self.patience.step;
        for to in message.envelope().to() {
            let rcpt = Rcpt::new(to.clone(), Vec::new());
            let reply = within(step, "RCPT", self.smtp.command(rcpt)).await?;
            expect(&reply, &[250, 251])?;
        }
        let reply = within(step, "DATA", self.smtp.command(Data)).await?;
        expect(&reply, &[354])
    }

    /// Dictates the letter. Without an answer nobody knows what became of it.
    pub(super) async fn deliver(&mut self, message: &Message) -> Result<Accepted, MailError> {
        let bytes = message.formatted();
        let sending = self.smtp.message(&bytes);
        let reply = within(self.patience.acceptance, "the letter", sending)
            .await
            .and_then(|reply| expect(&reply, &[250]).map(|()| reply))
            .map_err(MailError::after_hand_over)?;
        let words = reply.message().collect::<Vec<_>>().join(" ");
        Ok(Accepted {
            reply: one_line(&format!("{} {words}", reply.code())),
        })
    }

    /// The line, if it may carry another letter.
    pub(super) async fn kept_after(mut self, sent: &Result<Accepted, MailError>) -> Option<Self> {
        match sent {
            Ok(_) => {}
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

    /// How long it has not been used.
    pub(super) fn rested(&self) -> Duration {
        self.used_at.elapsed()
    }

    /// Takes leave. A server that does not wait for our farewell has lost nothing.
    pub(super) async fn close(mut self) {
        let _ = timeout(self.patience.step, self.smtp.quit()).await;
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
