//! A mail server that does as it is told: it accepts, refuses, closes or falls silent at any
//! step, keeps the letters it has taken over, and lets a test wait for the next thing to happen.

mod builder;
mod script;
mod session;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::certificate::Certificate;
pub use builder::Builder;
use builder::Offers;
use script::Rule;
pub use script::{Do, Step};

/// A letter that the server has taken over.
#[derive(Clone, Debug)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    /// As it came, dots unstuffed.
    pub bytes: Vec<u8>,
    /// Which connection brought it, counted from 1.
    pub connection: usize,
    pub encrypted: bool,
    /// Who had logged in.
    pub user: Option<String>,
}

impl Letter {
    pub fn read(&self) -> mail_parser::Message<'_> {
        mail_parser::MessageParser::default()
            .parse(&self.bytes)
            .expect("a letter that can be read")
    }
}

/// All that has happened so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub letters: Vec<Letter>,
    /// How many clients have connected.
    pub connections: usize,
    /// Every step taken, in order.
    pub steps: Vec<Step>,
    /// The name in the last EHLO.
    pub hello: String,
}

impl Seen {
    fn times(&self, step: Step) -> usize {
        self.steps.iter().filter(|taken| **taken == step).count()
    }
}

struct Shared {
    offers: Offers,
    rules: Mutex<Vec<Rule>>,
    seen: watch::Sender<Seen>,
    /// What is to be said on every line that rests.
    unasked: watch::Sender<&'static str>,
}

/// The server; it ends with this value.
pub struct SmtpServer {
    address: SocketAddr,
    certificate: Option<Certificate>,
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

impl SmtpServer {
    /// One that accepts everything, in the clear.
    pub async fn start() -> Self {
        SmtpServer::builder().start().await
    }

    pub fn builder() -> Builder {
        Builder::default()
    }

    async fn offering(offers: Offers, certificate: Option<Certificate>) -> Self {
        let shared = Arc::new(Shared {
            offers,
            rules: Mutex::default(),
            seen: watch::Sender::default(),
            unasked: watch::Sender::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its number");
        SmtpServer {
            address,
            certificate,
            task: Some(tokio::spawn(listen(listener, shared.clone()))),
            shared,
        }
    }

    /// The `SMTP_URL` of a client that uses all that is offered.
    pub fn url(&self) -> String {
        let offers = &self.shared.offers;
        let (scheme, tls) = match (&offers.tls, offers.implicit_tls) {
            (None, _) => ("smtp", ""),
            (Some(_), false) => ("smtp", "?tls=required"),
            (Some(_), true) => ("smtps", ""),
        };
        let log_in = match &offers.log_in {
            Some((user, password)) => format!("{user}:{password}@"),
            None => String::new(),
        };
        format!("{scheme}://{log_in}localhost:{}{tls}", self.address.port())
    }

    /// The file that `SSL_CERT_FILE` must name for a client to trust this server.
    pub fn certificate_file(&self) -> PathBuf {
        let certificate = self.certificate.as_ref();
        certificate.expect("a server with a certificate").file()
    }

    /// From now on, does `todo` at every `step`.
    pub fn always(&self, step: Step, todo: Do) {
        self.rule(step, None, todo, usize::MAX);
    }

    /// Does `todo` at the next `step`, once.
    pub fn once(&self, step: Step, todo: Do) {
        self.rule(step, None, todo, 1);
    }

    /// From now on, does `todo` at a `step` whose command line contains `text`.
    pub fn when(&self, step: Step, text: &str, todo: Do) {
        self.rule(step, Some(text.to_owned()), todo, usize::MAX);
    }

    /// Says this on every line that rests, without being asked, and hangs up.
    pub async fn say(&self, text: &'static str) {
        let said = self.times(Step::Rest);
        self.shared.unasked.send_replace(text);
        self.reached(Step::Rest, said + 1).await;
    }

    /// Forgets all that was told: everything is accepted again.
    pub fn accept_everything(&self) {
        self.shared.rules.lock().expect("the rules").clear();
    }

    /// Hangs up on everybody and no longer answers calls, as a dead server.
    pub async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // The listener is closed only once the task is gone.
            let _ = task.await;
        }
    }

    /// Answers calls again, at the same port.
    pub async fn start_again(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address)
            .await
            .expect("the same port");
        self.task = Some(tokio::spawn(listen(listener, self.shared.clone())));
    }

    /// What has happened so far.
    pub fn seen(&self) -> Seen {
        self.shared.seen.borrow().clone()
    }

    /// The `n`-th letter taken over, counted from 1.
    pub async fn letter(&self, n: usize) -> Letter {
        self.letters(n).await.swap_remove(n - 1)
    }

    /// All letters, once there are `n`.
    pub async fn letters(&self, n: usize) -> Vec<Letter> {
        self.until(&format!("{n} letters"), |seen| seen.letters.len() >= n)
            .await
            .letters
    }

    /// Returns once `n` clients have connected.
    pub async fn connection(&self, n: usize) {
        self.until(&format!("{n} connections"), |seen| seen.connections >= n)
            .await;
    }

    /// How often `step` has been reached.
    pub fn times(&self, step: Step) -> usize {
        self.shared.seen.borrow().times(step)
    }

    /// Returns once `step` has been reached `n` times.
    pub async fn reached(&self, step: Step, n: usize) {
        let what = format!("{step:?} for the {n}. time");
        self.until(&what, |seen| seen.times(step) >= n).await;
    }

    async fn until(&self, what: &str, is_so: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.shared.seen.subscribe();
        let so = timeout(Duration::from_secs(60), seen.wait_for(is_so)).await;
        match so {
            Ok(seen) => seen.expect("the server is there").clone(),
            Err(_) => panic!("still no {what}: {:?}", self.seen()),
        }
    }

    fn rule(&self, step: Step, only: Option<String>, todo: Do, times: usize) {
        let mut rules = self.shared.rules.lock().expect("the rules");
        rules.push(Rule {
            step,
            only,
            todo,
            times,
        });
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        sessions.spawn(async move {
            // A client that hangs up is none of this server's business.
            let _ = session::talk(stream, shared).await;
        });
    }
}
