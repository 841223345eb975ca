//! A browser's connection, and no more of a browser than that: it shares the cores with what it measures.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection that is kept alive from one request to the next.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What came back.
pub struct Answer<'a> {
    pub status: u16,
    head: &'a str,
    pub body: &'a [u8],
}

impl Connection {
    /// Calls the program at this address.
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the program takes calls");
        stream.set_nodelay(true).expect("a setting of the socket");
        Connection {
            stream,
            read: Vec::with_capacity(64 * 1024),
        }
    }

    /// Sends one request and waits for all of its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Answer<'_> {
        self.stream.write_all(request).await.expect("it is sent");
        self.read.clear();
        let (head, length) = loop {
            self.more().await;
            if let Some(end) = self.read.windows(4).position(|end| end == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.read[..end]).expect("a head of text");
                let length = field(head, "content-length").expect("an answer says how long it is");
                break (end, length.parse::<usize>().expect("a number"));
            }
        };
        let body = head + 4;
        while self.read.len() < body + length {
            self.more().await;
        }
        let head = std::str::from_utf8(&self.read[..head]).expect("it was text before");
        Answer {
            status: head[9..12].parse().expect("a status"),
            head,
            body: &self.read[body..],
        }
    }

    async fn more(&mut self) {
        let read = self.stream.read_buf(&mut self.read).await;
        assert_ne!(read.expect("an answer"), 0, "the program hung up");
    }
}

impl Answer<'_> {
    pub fn location(&self) -> Option<&str> {
        field(self.head, "location")
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.split("\r\n").skip(1);
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

/// A request for a page, as a browser in English makes it.
pub fn get(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/html\r\nAccept-Language: en\r\n\r\n"
    )
    .into_bytes()
}

/// A form that is sent.
pub fn post(path: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/html\r\nAccept-Language: en\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
