//! One conversation of the scripted mail server.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{
    Letter, Shared,
    script::{Do, Rule, Step},
};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Each line of it promises another.
const ENDLESS: &[u8] = b"250-There is more to come\r\n";

struct Session {
    line: BufReader<Box<dyn Stream>>,
    shared: Arc<Shared>,
    connection: usize,
    encrypted: bool,
    user: Option<String>,
    from: String,
    to: Vec<String>,
}

pub(super) async fn talk(tcp: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut connection = 0;
    shared.seen.send_modify(|seen| {
        seen.connections += 1;
        connection = seen.connections;
    });
    let mut unasked = shared.unasked.subscribe();
    let mut session = Session {
        line: BufReader::new(Box::new(tcp)),
        shared,
        connection,
        encrypted: false,
        user: None,
        from: String::new(),
        to: Vec::new(),
    };
    if session.shared.offers.implicit_tls {
        session.encrypt().await?;
    }
    session
        .answer(Step::Greeting, "", "220 scripted ESMTP")
        .await?;
    loop {
        tokio::select! {
            command = session.read_line() => match command? {
                Some(command) => session.obey(&command).await?,
                None => return Ok(()),
            },
            _ = unasked.changed() => {
                let text = *unasked.borrow_and_update();
                session.say(text).await?;
                session.todo(Step::Rest, "");
                return Ok(());
            }
        }
    }
}

impl Session {
    async fn obey(&mut self, command: &str) -> io::Result<()> {
        let verb = command
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_uppercase();
        let offers = &self.shared.offers;
        let log_in_first = offers.log_in.is_some() && self.user.is_none();
        match verb.as_str() {
            "EHLO" => {
                let mut reply = String::from("250-scripted\r\n250-8BITMIME\r\n");
                if offers.tls.is_some() && !self.encrypted {
                    reply += "250-STARTTLS\r\n";
                }
                if offers.log_in.is_some() {
                    reply += &format!("250-AUTH {}\r\n", offers.mechanisms);
                }
                let name = command.get(5..).unwrap_or_default().to_owned();
                self.shared.seen.send_modify(|seen| seen.hello = name);
                self.answer(Step::Ehlo, command, &(reply + "250 HELP"))
                    .await?;
            }
            "STARTTLS" => {
                if self.answer(Step::StartTls, command, "220 go ahead").await? {
                    self.encrypt().await?;
                }
            }
            "AUTH" => self.log_in(command).await?,
            "MAIL" if log_in_first => self.say("530 5.7.0 Log in first").await?,
            "MAIL" => {
                self.from = path(command);
                self.to.clear();
                self.answer(Step::Mail, command, "250 2.1.0 Sender ok")
                    .await?;
            }
            "RCPT" => {
                if self
                    .answer(Step::Rcpt, command, "250 2.1.5 Recipient ok")
                    .await?
                {
                    self.to.push(path(command));
                }
            }
            "DATA" => {
                if self.answer(Step::Data, command, "354 Go on").await? {
                    self.take_letter().await?;
                }
            }
            "RSET" => {
                self.answer(Step::Rset, command, "250 2.0.0 Forgotten")
                    .await?;
            }
            "QUIT" => {
                self.answer(Step::Quit, command, "221 2.0.0 Bye").await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            "NOOP" => self.say("250 2.0.0 Still here").await?,
            _ => self.say("500 5.5.2 What?").await?,
        }
        Ok(())
    }

    async fn encrypt(&mut self) -> io::Result<()> {
        if let Some(todo) = self.todo(Step::Handshake, "") {
            // Here the client speaks first.
            self.line.fill_buf().await?;
            return self.perform(Some(todo), "220").await.map(drop);
        }
        let tls = self.shared.offers.tls.clone().expect("a certificate");
        let closed: Box<dyn Stream> = Box::new(tokio::io::empty());
        let clear = std::mem::replace(&mut self.line, BufReader::new(closed)).into_inner();
        self.line = BufReader::new(Box::new(tls.accept(clear).await?));
        self.encrypted = true;
        Ok(())
    }

    async fn log_in(&mut self, command: &str) -> io::Result<()> {
        let given = match command.split_whitespace().skip(1).collect::<Vec<_>>()[..] {
            ["PLAIN", initial] => plain(initial),
            ["LOGIN"] => {
                self.say("334 VXNlcm5hbWU6").await?;
                let user = self.read_line().await?.unwrap_or_default();
                self.say("334 UGFzc3dvcmQ6").await?;
                let password = self.read_line().await?.unwrap_or_default();
                Some((unbase64(&user), unbase64(&password)))
            }
            _ => None,
        };
        let is_right = given == self.shared.offers.log_in;
        let reply = match is_right {
            true => "235 2.7.0 Welcome",
            false => "535 5.7.8 Wrong user or password",
        };
        if self.answer(Step::Auth, command, reply).await? && is_right {
            self.user = given.map(|(user, _)| user);
        }
        Ok(())
    }

    async fn take_letter(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            if self.line.read_until(b'\n', &mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if bytes[start..] == *b".\r\n" {
                bytes.truncate(start);
                break;
            }
            if bytes[start] == b'.' {
                bytes.remove(start);
            }
        }
        let letter = Letter {
            from: self.from.clone(),
            to: std::mem::take(&mut self.to),
            bytes,
            connection: self.connection,
            encrypted: self.encrypted,
            user: self.user.clone(),
        };
        let todo = self.todo(Step::Letter, &String::from_utf8_lossy(&letter.bytes));
        if matches!(todo, None | Some(Do::Close | Do::Await(_))) {
            self.shared
                .seen
                .send_modify(|seen| seen.letters.push(letter));
        }
        self.perform(todo, "250 2.0.0 Taken over").await?;
        Ok(())
    }

    /// Does what is right, or what the rules say; whether it was the former.
    async fn answer(&mut self, step: Step, command: &str, right: &str) -> io::Result<bool> {
        let todo = self.todo(step, command);
        self.perform(todo, right).await
    }

    fn todo(&self, step: Step, command: &str) -> Option<Do> {
        let todo = {
            let mut rules = self.shared.rules.lock().expect("the rules");
            let holds = |rule: &&mut Rule| {
                let fits = rule.only.as_ref().is_none_or(|text| command.contains(text));
                rule.step == step && rule.times > 0 && fits
            };
            rules.iter_mut().find(holds).map(|rule| {
                rule.times -= 1;
                rule.todo.clone()
            })
        };
        self.shared.seen.send_modify(|seen| seen.steps.push(step));
        todo
    }

    async fn perform(&mut self, todo: Option<Do>, right: &str) -> io::Result<bool> {
        match todo {
            None => self.say(right).await.map(|()| true),
            // A consent in other words is a consent.
            Some(Do::Reply(reply)) => {
                self.say(reply).await?;
                Ok(reply.starts_with(&right[..3]))
            }
            Some(Do::ReplyAndClose(reply)) => {
                self.say(reply).await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Some(Do::Close) => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Do::Hang) => std::future::pending().await,
            Some(Do::Send(bytes)) => {
                self.line.write_all(bytes).await?;
                self.line.flush().await?;
                Ok(false)
            }
            Some(Do::Dribble) => {
                for byte in ENDLESS.iter().cycle() {
                    self.line.write_all(&[*byte]).await?;
                    self.line.flush().await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(false)
            }
            Some(Do::Flood) => loop {
                self.line.write_all(&[b'2'; 4096]).await?;
            },
            Some(Do::Await(permits)) => {
                if let Ok(permit) = permits.acquire().await {
                    permit.forget();
                }
                self.say(right).await.map(|()| true)
            }
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.line
            .write_all(format!("{text}\r\n").as_bytes())
            .await?;
        self.line.flush().await
    }

    async fn read_line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let length = self.line.read_line(&mut line).await?;
        Ok((length > 0).then(|| line.trim_end().to_owned()))
    }
}

/// What stands between `<` and `>`.
fn path(command: &str) -> String {
    let inner = command
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(String::new(), |(path, _)| path.to_owned())
}

fn plain(initial: &str) -> Option<(String, String)> {
    let text = unbase64(initial);
    let mut parts = text.split('\0').skip(1).map(str::to_owned);
    parts.next().zip(parts.next())
}

fn unbase64(text: &str) -> String {
    let bytes = data_encoding::BASE64
        .decode(text.as_bytes())
        .unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
