//! What the scripted mail server is told to do, and when.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Where in a conversation a [`Rule`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A client has connected.
    Greeting,
    Ehlo,
    StartTls,
    /// The next bytes are to be TLS.
    Handshake,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The whole letter has arrived, up to its final dot.
    Letter,
    Rset,
    Quit,
    /// Nobody has asked for anything; see `SmtpServer::say`.
    Rest,
}

/// What the server does at a step, instead of what is right.
#[derive(Clone, Debug)]
pub enum Do {
    /// Says this: `450 4.2.0 Come back later`. Lines after the first need their own codes.
    Reply(&'static str),
    /// Says this and hangs up.
    ReplyAndClose(&'static str),
    /// Hangs up without a word. At [`Step::Letter`] the letter counts as taken over, as with `Await`.
    Close,
    /// Says nothing and keeps the line.
    Hang,
    /// Sends these bytes, which need not be a reply at all.
    Send(&'static [u8]),
    /// Begins a reply that never ends, and sends a byte of it from time to time.
    Dribble,
    /// The same, as fast as the line carries it.
    Flood,
    /// Does what is right once there is a permit.
    Await(Arc<Semaphore>),
}

pub(super) struct Rule {
    pub step: Step,
    pub only: Option<String>,
    pub todo: Do,
    pub times: usize,
}
