//! Passwords to Argon2id hashes and back to yes or no, on threads of their own.
//!
//! One hash takes some 25 ms and 19 MiB. Done where requests are answered it would stop them all;
//! done on threads that come and go it would leave 19 MiB in the allocator for each of them. So a
//! few threads do nothing else, and each uses the same memory again and again.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
        try_generate_salt,
    },
};

use super::{
    Password,
    password::normalise,
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

/// What Argon2 works in, kept from one hash to the next: blocks of 1 KiB.
type Memory = Vec<Block>;

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
                hash(password.expose(), cost, memory)
            })
            .await?
    }

    /// Whether this password made that hash, at the cost that the hash itself names. Without a hash
    /// (a user who does not exist) the same work is done at today's cost, and the answer is no. Where
    /// every hash has cost as much as one does today (see [`Hasher::renew`]), a
    /// wrong name takes as long as a wrong password.
    pub async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, HashError> {
        let cost = self.cost;
        self.pool
            .run(Urgency::Urgent, move |memory| {
                let stored = phc.as_deref().map(PasswordHash::new).transpose();
                let stored = stored.map_err(unreadable)?;
                let exists = stored.is_some();
                let stored = stored.map_or_else(|| nobody(cost), Ok)?;
                Ok(made(&normalise(&password), &stored, memory)? && exists)
            })
            .await?
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

fn failed(error: impl ToString) -> HashError {
    HashError::Failed(error.to_string())
}

fn unreadable(error: impl ToString) -> HashError {
    HashError::Unreadable(error.to_string())
}

fn hash(password: &str, cost: HashCost, memory: &mut Memory) -> Result<String, HashError> {
    let salt = Salt::new(&try_generate_salt().map_err(failed)?).map_err(failed)?;
    let params = params(cost)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let output = compute(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory)?;
    phc(argon2.params(), salt, output).map(|phc| phc.to_string())
}

/// What the algorithm is given.
fn params(cost: HashCost) -> Result<Params, HashError> {
    let HashCost { m_kib, t, p } = cost;
    Params::new(m_kib, t, p, Some(Params::DEFAULT_OUTPUT_LEN)).map_err(failed)
}

/// The hash of nobody: its salt and output are zeros, its cost is that of everybody.
fn nobody(cost: HashCost) -> Result<PasswordHash, HashError> {
    let params = params(cost)?;
    let salt = Salt::new(&[0; Salt::RECOMMENDED_LENGTH]).map_err(failed)?;
    let output = Output::new(&[0; Params::DEFAULT_OUTPUT_LEN]).map_err(failed)?;
    phc(&params, salt, output)
}

fn phc(params: &Params, salt: Salt, output: Output) -> Result<PasswordHash, HashError> {
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(failed)?,
        salt: Some(salt),
        hash: Some(output),
    })
}

fn made(password: &str, stored: &PasswordHash, memory: &mut Memory) -> Result<bool, HashError> {
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
        return Err(unreadable("it lacks its salt or its output"));
    };
    let argon2 = argon2_of(stored).map_err(unreadable)?;
    if argon2.params().m_cost() > HashCost::MAX_M_KIB {
        return Err(unreadable("it asks for more than 1 GiB of memory"));
    }
    // Outputs are compared in constant time.
    Ok(compute(&argon2, password, salt, expected.len(), memory)? == *expected)
}

fn argon2_of(stored: &PasswordHash) -> password_hash::Result<Argon2<'static>> {
    let version = stored.version.map(Version::try_from).transpose()?;
    Ok(Argon2::new(
        Algorithm::try_from(stored.algorithm.as_str())?,
        version.unwrap_or_default(),
        Params::try_from(stored)?,
    ))
}

fn compute(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &Salt,
    length: usize,
    memory: &mut Memory,
) -> Result<Output, HashError> {
    grow(memory, argon2.params().block_count())?;
    let mut output = [0; Output::MAX_LENGTH];
    let output = &mut output[..length];
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, output, memory)
        .map_err(failed)?;
    Output::new(output).map_err(failed)
}

/// Makes room for a cost greater than all before it. It stays: the next such hash is not far.
fn grow(memory: &mut Memory, blocks: usize) -> Result<(), HashError> {
    if memory.len() < blocks {
        // Emptied first, so that what it held is not copied.
        *memory = Memory::new();
        memory.try_reserve_exact(blocks).map_err(failed)?;
        memory.resize(blocks, Block::new());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};

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

    #[test]
    fn every_cost_that_can_be_set_can_be_paid() {
        for text in [
            "m=8,t=1,p=1",
            "m=19456,t=2,p=1",
            "m=512,t=1,p=64",
            "m=1048576,t=64,p=64",
        ] {
            assert!(params(text.parse().unwrap()).is_ok(), "{text}");
        }
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
    async fn whoever_does_not_exist_has_no_password() {
        let hasher = hasher();
        let answer = hasher.verify(TEXT.to_owned(), None).await;
        assert!(!answer.unwrap());
    }

    #[tokio::test]
    async fn a_hash_that_others_made_at_another_cost_is_honoured() {
        let hasher = hasher();
        let mine = hasher.hash(password()).await.unwrap();
        for (m_kib, t, p, length) in [(64, 2, 1, 32), (32, 3, 2, 16), (128, 1, 4, 64)] {
            let params = Params::new(m_kib, t, p, Some(length)).unwrap();
            let theirs = Argon2::from(params).hash_password(TEXT.as_bytes()).unwrap();
            assert!(verify(&hasher, TEXT, &theirs.to_string()).await);
            assert!(!verify(&hasher, "something else", &theirs.to_string()).await);
        }
        assert!(verify(&hasher, TEXT, &mine).await);
    }

    #[tokio::test]
    async fn others_can_read_our_hashes() {
        let phc = hasher().hash(password()).await.unwrap();
        let phc = PasswordHash::new(&phc).unwrap();
        assert!(
            Argon2::default()
                .verify_password(TEXT.as_bytes(), &phc)
                .is_ok()
        );
    }

    #[tokio::test]
    async fn what_is_no_argon2_hash_is_called_unreadable() {
        for stored in [
            "",
            "secret",
            "$2b$12$abcdefghijklmnopqrstuuJ8Yh",
            "$argon2id$v=19$m=8,t=1,p=1",
            "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
            "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=1,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            let answer = hasher()
                .verify(TEXT.to_owned(), Some(stored.to_owned()))
                .await;
            assert!(
                matches!(answer, Err(HashError::Unreadable(_))),
                "{stored:?}: {answer:?}"
            );
        }
    }

    #[test]
    fn memory_is_used_again_and_grows_only_when_it_must() {
        let mut memory = Memory::new();
        let larger = |m_kib| HashCost { m_kib, ..CHEAP };
        hash(TEXT, larger(64), &mut memory).unwrap();
        let place = memory.as_ptr();
        hash(TEXT, CHEAP, &mut memory).unwrap();
        assert_eq!((memory.as_ptr(), memory.len()), (place, 64));
        hash(TEXT, larger(128), &mut memory).unwrap();
        assert_eq!(memory.len(), 128);
    }
}
