//! The hash of a password as a PHC string, `$argon2id$v=19$m=…`: how it is made, and held against
//! a password.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
        try_generate_salt,
    },
};

use crate::config::HashCost;

/// What Argon2 works in, kept from one hash to the next: blocks of 1 KiB.
pub(super) type Memory = Vec<Block>;

/// Why there is no hash, or nothing to say of one.
#[derive(Debug)]
pub(super) enum PhcError {
    /// What was stored is no Argon2 hash.
    Unreadable(String),
    /// No memory, no randomness, or a bug.
    Failed(String),
}

fn failed(error: impl ToString) -> PhcError {
    PhcError::Failed(error.to_string())
}

fn unreadable(error: impl ToString) -> PhcError {
    PhcError::Unreadable(error.to_string())
}

/// Hashes a password with a fresh salt.
pub(super) fn hash(
    password: &str,
    cost: HashCost,
    memory: &mut Memory,
) -> Result<String, PhcError> {
    let salt = Salt::new(&try_generate_salt().map_err(failed)?).map_err(failed)?;
    let params = params(cost)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let output = compute(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory)?;
    phc(argon2.params(), salt, output).map(|phc| phc.to_string())
}

/// Whether the password made the hash, at the cost that the hash itself names. Without a hash the
/// work is done at `cost`, and the answer is no.
pub(super) fn verify(
    password: &str,
    stored: Option<&str>,
    cost: HashCost,
    memory: &mut Memory,
) -> Result<bool, PhcError> {
    let Some(stored) = stored else {
        return made(password, &nobody(cost)?, memory).map(|_| false);
    };
    let stored = PasswordHash::new(stored).map_err(unreadable)?;
    made(password, &stored, memory)
}

/// What the algorithm is given.
fn params(cost: HashCost) -> Result<Params, PhcError> {
    let HashCost { m_kib, t, p } = cost;
    Params::new(m_kib, t, p, Some(Params::DEFAULT_OUTPUT_LEN)).map_err(failed)
}

/// The hash of nobody: its salt and output are zeros, its cost is that of everybody.
fn nobody(cost: HashCost) -> Result<PasswordHash, PhcError> {
    let params = params(cost)?;
    let salt = Salt::new(&[0; Salt::RECOMMENDED_LENGTH]).map_err(failed)?;
    let output = Output::new(&[0; Params::DEFAULT_OUTPUT_LEN]).map_err(failed)?;
    phc(&params, salt, output)
}

fn phc(params: &Params, salt: Salt, output: Output) -> Result<PasswordHash, PhcError> {
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(failed)?,
        salt: Some(salt),
        hash: Some(output),
    })
}

fn made(password: &str, stored: &PasswordHash, memory: &mut Memory) -> Result<bool, PhcError> {
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
) -> Result<Output, PhcError> {
    grow(memory, argon2.params().block_count())?;
    let mut output = [0; Output::MAX_LENGTH];
    let output = &mut output[..length];
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, output, memory)
        .map_err(failed)?;
    Output::new(output).map_err(failed)
}

/// Makes room for a cost greater than all before it. It stays: the next such hash is not far.
fn grow(memory: &mut Memory, blocks: usize) -> Result<(), PhcError> {
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

    #[test]
    fn a_hash_that_others_made_at_another_cost_is_honoured() {
        let mut memory = Memory::new();
        let mine = hash(TEXT, CHEAP, &mut memory).unwrap();
        let mut opens =
            |password, stored: &str| verify(password, Some(stored), CHEAP, &mut memory).unwrap();
        for (m_kib, t, p, length) in [(64, 2, 1, 32), (32, 3, 2, 16), (128, 1, 4, 64)] {
            let params = Params::new(m_kib, t, p, Some(length)).unwrap();
            let theirs = Argon2::from(params).hash_password(TEXT.as_bytes()).unwrap();
            assert!(opens(TEXT, &theirs.to_string()));
            assert!(!opens("something else", &theirs.to_string()));
        }
        assert!(opens(TEXT, &mine));
    }

    #[test]
    fn others_can_read_our_hashes() {
        let phc = hash(TEXT, CHEAP, &mut Memory::new()).unwrap();
        let phc = PasswordHash::new(&phc).unwrap();
        assert!(
            Argon2::default()
                .verify_password(TEXT.as_bytes(), &phc)
                .is_ok()
        );
    }

    #[test]
    fn what_is_no_argon2_hash_is_called_unreadable() {
        for stored in [
            "",
            "secret",
            "$2b$12$abcdefghijklmnopqrstuuJ8Yh",
            "$argon2id$v=19$m=8,t=1,p=1",
            "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
            "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=1,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            let answer = verify(TEXT, Some(stored), CHEAP, &mut Memory::new());
            assert!(
                matches!(answer, Err(PhcError::Unreadable(_))),
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
