//! Whom we trust, and how a conversation becomes private.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use lettre::transport::smtp::{
    client::AsyncTokioStream, commands::Ehlo, commands::Starttls, extension::ClientId,
    response::Response,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::MailError;

/// The certificates by which a mail server may prove who it is, read at the first handshake.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    file: Option<PathBuf>,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Trust {
    /// Only the certificates in this PEM file, instead of the machine's own.
    pub(super) fn only(file: &Path) -> Self {
        Trust {
            file: Some(file.to_owned()),
            config: OnceLock::new(),
        }
    }

    /// Shakes hands with the server, which must prove to be `host`.
    pub(super) async fn handshake(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, MailError> {
        let config = self
            .config
            .get_or_init(|| client_config(self.certificates()?));
        let config = config.clone().map_err(MailError::Misconfigured)?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| MailError::Misconfigured(format!("{host} is not the name of a host")))?;
        Ok(TlsConnector::from(config).connect(name, stream).await?)
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        if let Some(file) = &self.file {
            return CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect)
                .map_err(|e| format!("{}: {e}", file.display()));
        }
        let found = rustls_native_certs::load_native_certs();
        if let Some(error) = found.errors.first() {
            tracing::warn!(%error, "some trusted certificates cannot be read");
        }
        Ok(found.certs)
    }
}

fn client_config(certificates: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(
            "this machine trusts no certificate at all: install its CA certificates \
             (Debian: ca-certificates), or name a file of them in SSL_CERT_FILE"
                .into(),
        );
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What has come of asking for STARTTLS.
pub(super) enum Asked {
    /// The server awaits the handshake.
    Granted(TcpStream),
    /// It does not know STARTTLS; the conversation may go on in the clear.
    NotOffered(TcpStream),
}

/// Greets the server in the clear, only to ask for privacy.
///
/// lettre can do this too, but it keeps what has arrived behind the server's consent, so that
/// somebody on the line could write there the answers that are later believed to be private.
pub(super) async fn ask_for_tls(stream: TcpStream, hello: &ClientId) -> Result<Asked, MailError> {
    let mut clear = BufReader::new(stream);
    expect(&read_reply(&mut clear).await?, 220)?;
    clear
        .write_all(Ehlo::new(hello.clone()).to_string().as_bytes())
        .await?;
    let offers = read_reply(&mut clear).await?;
    expect(&offers, 250)?;
    if !offers
        .message()
        .any(|offer| offer.eq_ignore_ascii_case("STARTTLS"))
    {
        return Ok(Asked::NotOffered(clear.into_inner()));
    }
    clear.write_all(Starttls.to_string().as_bytes()).await?;
    expect(&read_reply(&mut clear).await?, 220)?;
    if !clear.buffer().is_empty() {
        return Err(MailError::Misconfigured(
            "somebody wrote into the line between STARTTLS and the handshake".into(),
        ));
    }
    Ok(Asked::Granted(clear.into_inner()))
}

/// The longest answer that is listened to, in bytes: far above what any server says, and far below
/// what would hurt. lettre gathers a line until it ends.
const LONGEST: usize = 64 * 1024;

const NO_END: &str = "its answer has no end";

async fn read_reply(clear: &mut BufReader<TcpStream>) -> Result<Response, MailError> {
    let mut limited = clear.take(LONGEST as u64);
    let mut reply = String::new();
    loop {
        let start = reply.len();
        limited.read_line(&mut reply).await?;
        if !reply[start..].ends_with('\n') {
            return Err(MailError::unreachable(match limited.limit() {
                0 => NO_END,
                _ => "it closed the connection",
            }));
        }
        // `250-more` goes on, `250 last` and a bare `250` do not.
        if reply.as_bytes().get(start + 3) != Some(&b'-') {
            return Ok(reply.parse::<Response>()?);
        }
    }
}

fn expect(reply: &Response, code: u16) -> Result<(), MailError> {
    if reply.has_code(code) {
        return Ok(());
    }
    let text = reply.message().collect::<Vec<_>>().join(" ");
    Err(MailError::replied(reply.code().into(), &text))
}

/// A stream in the shape that lettre takes.
///
/// `unread` is heard before what the server says: lettre waits for a greeting, which the server
/// has given before the handshake.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    peer: SocketAddr,
    unread: &'static [u8],
    /// How many bytes the server has said since it was last spoken to.
    heard: usize,
}

impl<S> Wire<S> {
    /// A server that has yet to greet.
    pub(super) fn fresh(stream: S, peer: SocketAddr) -> Self {
        Wire {
            stream,
            peer,
            unread: b"",
            heard: 0,
        }
    }

    /// A server that has greeted already.
    pub(super) fn greeted(stream: S, peer: SocketAddr) -> Self {
        Wire {
            stream,
            peer,
            unread: b"220 again\r\n",
            heard: 0,
        }
    }
}

impl<S> AsyncTokioStream for Wire<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            if self.heard > LONGEST {
                return Poll::Ready(Err(io::Error::other(NO_END)));
            }
            let before = buf.filled().len();
            let read = Pin::new(&mut self.stream).poll_read(cx, buf);
            self.heard += buf.filled().len() - before;
            return read;
        }
        let (now, later) = self.unread.split_at(self.unread.len().min(buf.remaining()));
        buf.put_slice(now);
        self.unread = later;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.heard = 0;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
