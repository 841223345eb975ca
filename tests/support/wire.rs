//! A wire between the program and its database that a test can break.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{oneshot, watch},
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

use super::database::{PostgresServer, TestDatabase, free_port};

const CHUNK: usize = 16 * 1024;

/// What the wire does to whatever is sent over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Carries everything.
    Pass,
    /// Nobody takes a call, and the connections there are end.
    Refuse,
    /// Calls are taken, and nothing is carried either way. What was sent meanwhile arrives once the
    /// wire carries again, as TCP sends anew what was lost.
    Hold,
    /// Every answer arrives so much later.
    Delay(Duration),
}

/// What becomes of a connection on which a word is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trap {
    /// It is cut, and the server does not hear the word.
    CutBefore,
    /// The server does as it was told, and then it is cut: the answer is lost.
    CutAfter,
    /// It is silent for ever, and the server waits for the word.
    Silence,
}

/// A port of its own that leads to a server. Its connections end with this value.
pub struct Wire {
    port: u16,
    url: String,
    faults: Arc<Faults>,
    _listening: AbortOnDropHandle<()>,
}

struct Faults {
    mode: watch::Sender<Mode>,
    /// Whether somebody takes calls.
    open: watch::Sender<bool>,
    /// These two count: whoever was there before the last count is cut, or silent for ever.
    cuts: watch::Sender<u32>,
    silences: watch::Sender<u32>,
    snare: Mutex<Option<Snare>>,
}

/// Waits for somebody to say a word.
struct Snare {
    whose: &'static str,
    word: &'static str,
    trap: Trap,
    sprung: oneshot::Sender<()>,
}

/// One connection.
struct Call {
    faults: Arc<Faults>,
    /// How many silences there had been when it began.
    silences: u32,
    /// Sprung by a word whose answer is to be lost.
    deaf: Mutex<Option<oneshot::Sender<()>>>,
}

impl Wire {
    /// To a fresh database of this server.
    pub async fn to(server: &PostgresServer) -> Self {
        let database = server.database();
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        let port = free_port();
        let faults = Arc::new(Faults {
            mode: watch::Sender::new(Mode::Pass),
            open: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            silences: watch::Sender::new(0),
            snare: Mutex::default(),
        });
        let listening = tokio::spawn(listen(port, target, faults.clone()));
        let wire = Wire {
            port,
            url: database,
            faults,
            _listening: AbortOnDropHandle::new(listening),
        };
        wire.set(Mode::Pass).await;
        wire
    }

    /// The database, as it is reached over this wire.
    pub fn database(&self) -> TestDatabase {
        let (scheme, rest) = self.url.split_once('@').expect("user and host");
        let (_, name) = rest.split_once('/').expect("host and name");
        TestDatabase::at(format!("{scheme}@127.0.0.1:{}/{name}", self.port))
    }

    /// The database, as it is reached round this wire.
    pub fn database_behind(&self) -> TestDatabase {
        TestDatabase::at(self.url.clone())
    }

    /// Behaves so from now on.
    pub async fn set(&self, mode: Mode) {
        self.faults.mode.send_replace(mode);
        let open = mode != Mode::Refuse;
        let mut opened = self.faults.open.subscribe();
        let obeyed = opened.wait_for(|is_open| *is_open == open).await;
        obeyed.expect("the wire listens as long as it lives");
        if mode == Mode::Refuse {
            self.cut();
        }
    }

    /// Cuts every connection there is.
    pub fn cut(&self) {
        self.faults.cuts.send_modify(|count| *count += 1);
    }

    /// Makes every connection there is silent for ever, as a firewall does that has forgotten them. New ones are carried.
    pub fn forget(&self) {
        self.faults.silences.send_modify(|count| *count += 1);
    }

    /// Waits for `word` on a connection on which `whose` was said before. What is returned ends
    /// once that has had its effect.
    pub fn trap(
        &self,
        whose: &'static str,
        word: &'static str,
        trap: Trap,
    ) -> oneshot::Receiver<()> {
        let (sprung, springs) = oneshot::channel();
        let snare = Snare {
            whose,
            word,
            trap,
            sprung,
        };
        *self.faults.snare.lock().expect("the snare") = Some(snare);
        springs
    }
}

/// Takes calls while the mode allows it.
async fn listen(port: u16, target: SocketAddr, faults: Arc<Faults>) {
    let mut mode = faults.mode.subscribe();
    let mut carried = JoinSet::new();
    loop {
        let allowed = mode.wait_for(|mode| *mode != Mode::Refuse).await;
        allowed.expect("the wire lives");
        let listener = bind(port).expect("the port is ours");
        faults.open.send_replace(true);
        loop {
            tokio::select! {
                Ok((client, _)) = listener.accept() => {
                    carried.spawn(Call::new(faults.clone()).carry(client, target));
                }
                // Those that have ended are forgotten.
                Some(_) = carried.join_next() => {}
                _ = mode.wait_for(|mode| *mode == Mode::Refuse) => break,
            }
        }
        drop(listener);
        faults.open.send_replace(false);
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(1024)
}

impl Call {
    fn new(faults: Arc<Faults>) -> Self {
        let silences = *faults.silences.borrow();
        Call {
            faults,
            silences,
            deaf: Mutex::default(),
        }
    }

    /// Carries it until a side ends it, or the test cuts it; its end closes both sides.
    async fn carry(self, client: TcpStream, target: SocketAddr) {
        let mut cuts = self.faults.cuts.subscribe();
        let carried = async {
            self.may_pass().await;
            let server = TcpStream::connect(target).await?;
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                ended = self.ask(from_client, to_server) => ended,
                ended = self.answer(from_server, to_client) => ended,
            }
        };
        tokio::select! {
            _ = carried => {}
            _ = cuts.changed() => {}
        }
    }

    /// Carries what the client says.
    async fn ask(&self, mut client: OwnedReadHalf, mut server: OwnedWriteHalf) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        let mut watched = false;
        loop {
            let size = client.read(&mut chunk).await?;
            self.may_pass().await;
            let said = &chunk[..size];
            match self.faults.spring(said, &mut watched) {
                Some((Trap::CutBefore, sprung)) => {
                    let _ = sprung.send(());
                    return Ok(());
                }
                Some((Trap::CutAfter, sprung)) => {
                    *self.deaf.lock().expect("the ear") = Some(sprung)
                }
                Some((Trap::Silence, sprung)) => {
                    let _ = sprung.send(());
                    std::future::pending::<()>().await;
                }
                None if said.is_empty() => return Ok(()),
                None => {}
            }
            server.write_all(said).await?;
        }
    }

    /// Carries what the server answers.
    async fn answer(
        &self,
        mut server: OwnedReadHalf,
        mut client: OwnedWriteHalf,
    ) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let size = server.read(&mut chunk).await?;
            self.may_pass().await;
            let delay = match *self.faults.mode.borrow() {
                Mode::Delay(delay) => delay,
                _ => Duration::ZERO,
            };
            tokio::time::sleep(delay).await;
            if let Some(sprung) = self.deaf.lock().expect("the ear").take() {
                let _ = sprung.send(());
                return Ok(());
            }
            if size == 0 {
                return Ok(());
            }
            client.write_all(&chunk[..size]).await?;
        }
    }

    /// Returns once the wire carries something for this connection; perhaps never.
    async fn may_pass(&self) {
        let mut mode = self.faults.mode.subscribe();
        let passes = mode.wait_for(|mode| *mode != Mode::Hold).await;
        passes.expect("the faults live as long as the call");
        if *self.faults.silences.borrow() != self.silences {
            std::future::pending::<()>().await;
        }
    }
}

impl Faults {
    /// Whether a client that is watched has said the word, or is to be watched from now on.
    fn spring(&self, said: &[u8], watched: &mut bool) -> Option<(Trap, oneshot::Sender<()>)> {
        let mut snare = self.snare.lock().expect("the snare");
        let holds = |word: &str| said.windows(word.len()).any(|part| part == word.as_bytes());
        *watched |= snare.as_ref().is_some_and(|snare| holds(snare.whose));
        let sprung = snare.take_if(|snare| *watched && holds(snare.word))?;
        Some((sprung.trap, sprung.sprung))
    }
}
