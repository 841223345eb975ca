//! The way out: letters, and the mail server that takes them over.
//!
//! ```text
//! Draft --Message::new--> Message --Connection::send--> Accepted, or a MailError
//! ```
//!
//! Every EmailActor owns one [`Connection`]. lettre's own pool of connections is left alone: it
//! waits for ever for a server that has fallen silent, and after a send that was given up it
//! hands the same conversation to the next letter, which then reads the answers to the one
//! before. A refused letter was seen to be reported as sent that way.

mod address;
mod breaker;
mod error;
mod line;
mod message;
mod settings;
mod tls;
mod transport;

use std::{path::Path, sync::Arc};

pub use address::Sender;
pub use breaker::{Breaker, Pass, PutOff};
pub use error::MailError;
pub use message::{Draft, Message, message_id};
pub use settings::{BadSetting, SmtpSettings};
pub use transport::{Accepted, Connection, Patience};

use tls::Trust;
use transport::Route;

/// Knows who writes, and which server takes the letters over. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Mailer {
    sender: Sender,
    route: Option<Arc<Route>>,
    breaker: Breaker,
}

impl Mailer {
    /// A mailer that has not spoken with anybody yet. Without a `server` it only writes letters.
    ///
    /// The server is believed by the certificates that this machine trusts, or by those in the
    /// file that the variable `SSL_CERT_FILE` names.
    pub fn new(server: Option<SmtpSettings>, sender: Sender) -> Self {
        let route = server.map(|server| {
            Arc::new(Route {
                server,
                trust: Trust::default(),
                patience: Patience::default(),
            })
        });
        Mailer {
            sender,
            route,
            breaker: Breaker::default(),
        }
    }

    /// Believes only the certificates in this PEM file, those of a private authority say.
    pub fn trusting(mut self, certificates: &Path) -> Self {
        if let Some(route) = &mut self.route {
            Arc::make_mut(route).trust = Trust::only(certificates);
        }
        self
    }

    /// Waits for the server for other times than the usual ones.
    pub fn with_patience(mut self, patience: Patience) -> Self {
        if let Some(route) = &mut self.route {
            Arc::make_mut(route).patience = patience;
        }
        self
    }

    /// Who writes.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// What keeps letters from a server in trouble. [`Connection::send`] does not ask it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Writes a letter, as [`Message::new`] does.
    ///
    /// # Errors
    ///
    /// [`MailError::Invalid`], as there.
    pub fn write(&self, draft: Draft) -> Result<Message, MailError> {
        Message::new(&self.sender, draft)
    }

    /// A connection that opens itself at its first letter; none where no server is set.
    pub fn connection(&self) -> Option<Connection> {
        self.route.clone().map(Connection::new)
    }

    /// A connection that is open and logged in.
    ///
    /// # Errors
    ///
    /// As the table at [`MailError`] says; [`MailError::Misconfigured`] where no server is set.
    pub async fn connect(&self) -> Result<Connection, MailError> {
        let mut connection = self
            .connection()
            .ok_or_else(|| MailError::Misconfigured("SMTP_URL names no server".into()))?;
        connection.open().await?;
        Ok(connection)
    }

    /// Proves the settings: connects, encrypts, logs in and takes leave, without a letter.
    ///
    /// # Errors
    ///
    /// As [`Mailer::connect`].
    pub async fn prove(&self) -> Result<(), MailError> {
        self.connect().await?.close().await;
        Ok(())
    }
}
