//! A new password, from a terminal without showing it, or from standard input.

use std::io::{self, BufRead, ErrorKind, IsTerminal};

use super::told;
use crate::{
    account::{Hasher, Password},
    cli::Failure,
    config::Config,
};

/// The longest line that is read: four bytes for each character that a password may have, and to spare.
const LONGEST: u64 = 4096;

/// Asks for a password, judges it beside the name and address of its user, and hashes it.
///
/// # Errors
///
/// One line that says what is wrong with the password.
pub(super) async fn hash(config: &Config, username: &str, email: &str) -> Result<String, Failure> {
    let text = ask()?;
    let password = Password::parse(&text, username, email)
        .map_err(|error| Failure::Refused(told(&[error])))?;
    let hasher = Hasher::start(config.password_hash, 1);
    let hash = hasher.hash(password).await;
    hash.map_err(|error| Failure::Refused(error.to_string()))
}

fn ask() -> Result<String, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return first_line(stdin.lock());
    }
    let password = rpassword::prompt_password("Password: ")?;
    if password == rpassword::prompt_password("Once more: ")? {
        Ok(password)
    } else {
        Err(Failure::Refused(
            "the two passwords are not the same; nothing was changed".to_owned(),
        ))
    }
}

fn first_line(input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    match input.take(LONGEST).read_line(&mut line) {
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(Failure::Refused(
            "the password on standard input is not UTF-8".to_owned(),
        )),
        Err(error) => Err(error.into()),
        Ok(0) => Err(Failure::Refused(
            "give the password as the first line of standard input".to_owned(),
        )),
        Ok(_) => {
            let line = line.strip_suffix('\n').unwrap_or(&line);
            Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Result<String, String> {
        first_line(input).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_first_line_is_the_password_whatever_ends_it() {
        for input in [
            "correct horse",
            "correct horse\n",
            "correct horse\r\n\nmore",
        ] {
            assert_eq!(read(input.as_bytes()), Ok("correct horse".to_owned()));
        }
        assert_eq!(read(b" a \n"), Ok(" a ".to_owned()));
        assert_eq!(read(b"\n"), Ok(String::new()));
    }

    #[test]
    fn no_line_at_all_and_no_text_are_told_apart() {
        assert!(read(b"").unwrap_err().contains("first line"));
        assert!(read(b"\xff\n").unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let endless = "x".repeat(1 << 20);
        assert_eq!(read(endless.as_bytes()).unwrap().len() as u64, LONGEST);
    }
}
