//! Passwords to Argon2id hashes and back to yes or no, on threads of their own.
//!
//! One hash takes some 25 ms and 19 MiB. Done where requests are answered it would stop them all;
//! done on threads that come and go it would leave 19 MiB in the allocator for each of them. So a
//! few threads do nothing else, and each uses the same memory again and again.

use super::{
    Password,
    password::normalise,
    phc::{self, Memory, PhcError},
    pool::{Pool, PoolError, Urgency},
};
use crate::config::HashCost;

/// How many log-ins, and how many sign-ups, may wait for each thread: some seven seconds of work at
/// the default cost, about as long as a visitor waits for a page.
const WAITING_PER_THREAD: usize = 256;

/// The way to the hashing threads; clones share them. They end when the last clone is dropped.
#[derive(Clone)]
pub struct Hasher {
    pool: Pool<Memory>,
    pub(super) cost: HashCost,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Try again in some seconds.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// What the store holds for this user is no Argon2 hash: only a new password helps.
    #[error("the stored hash cannot be read: {0}")]
    Unreadable(String),
    /// Nothing that the caller could mend: no memory, no randomness, or a bug.
    #[error("hashing failed: {0}")]
    Failed(String),
}

impl Hasher {
    /// Starts the threads, one at least; as many as there are cores make the most of them.
    ///
    /// # Panics
    /// When the system refuses another thread.
    pub fn start(cost: HashCost, threads: usize) -> Self {
        let waiting = WAITING_PER_THREAD * threads.max(1);
        Self {
            pool: Pool::start("hashing", threads, waiting, Memory::new),
            cost,
        }
    }

    /// Hashes a new password with a fresh salt into a PHC string (`$argon2id$v=19$m=…`). Waits
    /// behind every log-in. Dropping the future before its turn has come withdraws it.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let cost = self.cost;
        self.pool
            .run(Urgency::Ordinary, move |memory| {
                phc::hash(password.expose(), cost, memory)
            })
            .await?
            .map_err(HashError::from)
    }

    /// Whether this password made that hash, at the cost that the hash itself names. Without a hash
    /// (a user who does not exist) the same work is done at today's cost, and the answer is no. Where
    /// every hash has cost as much as one does today (see [`Hasher::renew`]), a
    /// wrong name takes as long as a wrong password.
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, HashError> {
        let cost = self.cost;
        self.pool
            .run(Urgency::Urgent, move |memory| {
                let password = normalise(&password);
                phc::verify(&password, stored.as_deref(), cost, memory)
            })
            .await?
            .map_err(HashError::from)
    }
}

impl From<PoolError> for HashError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Full => HashError::Busy,
            PoolError::Panicked => HashError::Failed("a panic".to_owned()),
        }
    }
}

impl From<PhcError> for HashError {
    fn from(error: PhcError) -> Self {
        match error {
            PhcError::Unreadable(why) => HashError::Unreadable(why),
            PhcError::Failed(why) => HashError::Failed(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashCost = HashCost {
        m_kib: 8,
        t: 1,
        p: 1,
    };
    const TEXT: &str = "coração de leão 7";

    fn password() -> Password {
        Password::parse(TEXT, "maria", "m@example.com").unwrap()
    }

    fn hasher() -> Hasher {
        Hasher::start(CHEAP, 1)
    }

    async fn verify(hasher: &Hasher, password: &str, phc: &str) -> bool {
        let answer = hasher.verify(password.to_owned(), Some(phc.to_owned()));
        answer.await.unwrap()
    }

    #[tokio::test]
    async fn a_password_opens_its_own_hash_only() {
        let hasher = hasher();
        let phc = hasher.hash(password()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{phc}");
        assert!(verify(&hasher, TEXT, &phc).await);
        assert!(!verify(&hasher, "Coração de leão 7", &phc).await);
        assert!(!verify(&hasher, "", &phc).await);
    }

    #[tokio::test]
    async fn the_same_password_never_has_the_same_hash() {
        let hasher = hasher();
        let first = hasher.hash(password()).await.unwrap();
        assert_ne!(first, hasher.hash(password()).await.unwrap());
    }

    #[tokio::test]
    async fn another_keyboard_opens_the_same_hash() {
        let hasher = hasher();
        let phc = hasher.hash(password()).await.unwrap();
        assert!(verify(&hasher, "corac\u{327}a\u{303}o de lea\u{303}o 7", &phc).await);
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_read_is_no_wrong_password() {
        let hasher = hasher();
        let answer = hasher.verify(TEXT.to_owned(), Some("secret".to_owned()));
        assert!(matches!(answer.await, Err(HashError::Unreadable(_))));
    }

    #[tokio::test]
    async fn whoever_does_not_exist_has_no_password() {
        let hasher = hasher();
        let answer = hasher.verify(TEXT.to_owned(), None).await;
        assert!(!answer.unwrap());
    }
}
