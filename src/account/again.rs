//! A password that comes again: in a second submit of a form, or after what a hash costs was changed.

use super::{HashError, Hasher, Password};

impl Hasher {
    /// Whether a password that was judged already is the one that made that hash; see [`Hasher::verify`].
    pub async fn is_again(&self, password: Password, stored: String) -> Result<bool, HashError> {
        let password = password.expose().to_owned();
        self.verify(password, Some(stored)).await
    }

    /// Hashes a password anew that has just opened `stored`; `None` where that one has cost as much as one
    /// does today. Only whoever knows the password can change what its hash has cost, and that is somebody
    /// who logs in. Waits behind every log-in, as [`Hasher::hash`] does.
    pub async fn renew(&self, password: &str, stored: &str) -> Result<Option<String>, HashError> {
        if stored.starts_with(&format!("$argon2id$v=19${}$", self.cost)) {
            return Ok(None);
        }
        self.hash(Password::proven(password)).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "tulipa janela quarenta";

    fn hasher(cost: &str) -> Hasher {
        Hasher::start(cost.parse().expect("a cost"), 1)
    }

    #[tokio::test]
    async fn only_a_hash_of_another_cost_is_made_anew() {
        let (cheap, dear) = (hasher("m=8,t=1,p=1"), hasher("m=8,t=11,p=1"));
        let stored = cheap.hash(Password::proven(TEXT)).await.expect("a hash");
        assert_eq!(cheap.renew(TEXT, &stored).await.expect("an answer"), None);
        let renewed = dear.renew(TEXT, &stored).await.expect("an answer");
        let renewed = renewed.expect("a new hash");
        assert!(renewed.starts_with("$argon2id$v=19$m=8,t=11,p=1$"));
        let opens = cheap.verify(TEXT.to_owned(), Some(renewed)).await;
        assert!(opens.expect("an answer"));
    }
}
