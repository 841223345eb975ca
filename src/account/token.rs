//! Random names that only their holder knows: of a session, of a receipt.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

/// 256 random bits, written in 43 letters, digits, `-` and `_`.
///
/// Its `Debug` does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct Token(String);

impl Token {
    /// A token that nobody has seen before.
    pub fn random() -> Self {
        Token(BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>()))
    }

    /// Reads what a browser sent; `None` if it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        (bytes.len() == 32).then(|| Token(text.to_owned()))
    }

    /// For the browser alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For the database: whoever reads it there cannot use it.
    pub fn hash(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(&self.0))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let token = Token::random();
        assert_eq!(Token::parse(token.as_str()), Some(token.clone()));
        assert!(Token::parse(&token.hash()).is_some());
        assert_eq!(Token::parse("short"), None);
        assert_ne!(token, Token::random());
        assert!(!format!("{token:?}").contains(token.as_str()));
    }
}
