//! From the text of a setting to its value. Each reader answers with what it would have liked to see instead.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use ipnet::IpNet;

/// What a reader tells a person whose value it cannot use.
pub(super) type Expected = Cow<'static, str>;

/// How the log is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// For people: coloured, a line for each event.
    Pretty,
    /// For programs: a JSON object for each event.
    Json,
}

/// A text that no log and no error shows.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A key that no log and no error shows.
#[derive(Clone, Eq, PartialEq)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// The key itself.
    pub fn expose(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

pub(super) fn socket_address(value: &str) -> Result<SocketAddr, Expected> {
    value
        .parse()
        .map_err(|_| "give an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".into())
}

/// Reads a duration within `range`; `shown` is that range in words.
pub(super) fn duration(
    range: RangeInclusive<Duration>,
    shown: &'static str,
) -> impl Fn(&str) -> Result<Duration, Expected> {
    move |value| {
        let duration = humantime::parse_duration(value)
            .map_err(|_| Expected::from("give a duration, such as 250ms, 10s or 5m"))?;
        if range.contains(&duration) {
            Ok(duration)
        } else {
            Err(format!("give a duration from {shown}").into())
        }
    }
}

/// Reads a whole number from 1 to `most`.
pub(super) fn count(most: usize) -> impl Fn(&str) -> Result<usize, Expected> {
    move |value| match value.parse() {
        Ok(count) if (1..=most).contains(&count) => Ok(count),
        _ => Err(format!("give a whole number from 1 to {most}").into()),
    }
}

/// Reads one of some words, whatever their case, to what it stands for.
pub(super) fn word<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&str) -> Result<T, Expected> {
    move |value| {
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(value));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("give {}", words.join(" or ")).into()
        })
    }
}

/// Reads a sender only as far as needed to spot a slip; the mail room parses it in earnest.
pub(super) fn mailbox(value: &str) -> Result<String, Expected> {
    let address = match value.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => value,
    };
    match address.split_once('@') {
        Some((user, host)) if !user.is_empty() && !host.is_empty() => Ok(value.to_owned()),
        _ => Err("give an e-mail address, such as Cadastro <no-reply@example.org>".into()),
    }
}

pub(super) fn networks(value: &str) -> Result<Vec<IpNet>, Expected> {
    let network = |text: &str| {
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
    };
    value
        .split(',')
        .map(|part| network(part.trim()))
        .collect::<Result<_, _>>()
        .map_err(|_| {
            "give addresses or networks separated by commas, such as 10.0.0.1,fd00::/8".into()
        })
}

/// Reads a bearer token: what RFC 6750 section 2.1 lets travel in a header, and long enough not to be guessed.
pub(super) fn token(value: &str) -> Result<Secret, Expected> {
    let body = value.trim_end_matches('=');
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-._~+/".contains(char);
    if value.len() >= 32 && body.chars().all(allowed) {
        Ok(Secret(value.to_owned()))
    } else {
        Err("give 32 characters or more, of letters, digits and -._~+/ alone, such as `openssl rand -hex 32` prints".into())
    }
}

/// Reads keys of 32 bytes, in whatever of the usual ways each is written.
pub(super) fn keys(value: &str) -> Result<Vec<SecretKey>, Expected> {
    let ways = [
        HEXLOWER_PERMISSIVE,
        BASE64,
        BASE64_NOPAD,
        BASE64URL,
        BASE64URL_NOPAD,
    ];
    let key = |text: &str| {
        let mut read = ways
            .iter()
            .filter_map(|way| way.decode(text.as_bytes()).ok());
        read.find_map(|key| key.try_into().ok()).map(SecretKey)
    };
    let keys = value.split(',').map(|part| key(part.trim()));
    keys.collect::<Option<_>>().ok_or_else(|| {
        "give 32 bytes in base64 or hex, such as `openssl rand -base64 32` prints; several separated by commas"
            .into()
    })
}

pub(super) fn text(value: &str) -> Result<String, Expected> {
    Ok(value.to_owned())
}
