//! What hashing a password costs, and how little is too little.

use std::{fmt, str::FromStr};

use super::value::Expected;

/// How much work and memory one Argon2id hash costs, us and whoever guesses. Written `m=19456,t=2,p=1`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HashCost {
    /// Memory in KiB, for each hash that is being computed; each hashing thread keeps that much.
    pub m_kib: u32,
    /// Passes over the memory.
    pub t: u32,
    /// Lanes. They are computed one after the other, so that more of them give no speed.
    pub p: u32,
}

/// The pairs of memory in KiB and passes that OWASP's Password Storage Cheat Sheet holds to be equally strong.
const OWASP: [(u32, u32); 5] = [
    (47_104, 1),
    (19_456, 2),
    (12_288, 3),
    (9_216, 4),
    (7_168, 5),
];

/// The most passes, and the most lanes.
const MOST: u32 = 64;

impl HashCost {
    /// The most memory, 1 GiB: with more, a burst of log-ins would be an attack on ourselves.
    pub const MAX_M_KIB: u32 = 1 << 20;

    /// Whether it costs an attacker less than any of OWASP's choices.
    pub fn is_weak(self) -> bool {
        !OWASP
            .iter()
            .any(|&(m_kib, t)| self.m_kib >= m_kib && self.t >= t)
    }
}

impl fmt::Display for HashCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.m_kib, self.t, self.p)
    }
}

impl FromStr for HashCost {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let cost =
            parse(text).ok_or("give memory in KiB, passes and lanes, such as m=19456,t=2,p=1")?;
        // Argon2 itself wants eight blocks of 1 KiB in each lane (RFC 9106, section 3.1).
        let possible = (1..=MOST).contains(&cost.t)
            && (1..=MOST).contains(&cost.p)
            && (8 * cost.p..=Self::MAX_M_KIB).contains(&cost.m_kib);
        if possible {
            Ok(cost)
        } else {
            Err(format!(
                "give m from 8 times p to {}, t and p from 1 to {MOST}",
                Self::MAX_M_KIB
            )
            .into())
        }
    }
}

fn parse(text: &str) -> Option<HashCost> {
    let (mut m_kib, mut t, mut p) = (None, None, None);
    for part in text.split(',') {
        let (name, number) = part.split_once('=')?;
        let place = match name.trim() {
            "m" => &mut m_kib,
            "t" => &mut t,
            "p" => &mut p,
            _ => return None,
        };
        if place.replace(number.trim().parse().ok()?).is_some() {
            return None;
        }
    }
    Some(HashCost {
        m_kib: m_kib?,
        t: t?,
        p: p?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(text: &str) -> HashCost {
        text.parse().expect("a cost")
    }

    #[test]
    fn each_of_owasps_choices_and_all_above_are_strong() {
        for text in [
            "m=47104,t=1,p=1",
            "m=19456,t=2,p=1",
            "m=7168,t=5,p=1",
            "m=65536,t=3,p=4",
            "p=1, t=2, m=19456",
        ] {
            assert!(!cost(text).is_weak(), "{text}");
        }
    }

    #[test]
    fn less_memory_or_fewer_passes_are_weak() {
        for text in ["m=19455,t=2,p=1", "m=19456,t=1,p=1", "m=8,t=1,p=1"] {
            assert!(cost(text).is_weak(), "{text}");
        }
    }

    #[test]
    fn what_argon2_cannot_do_is_refused() {
        for text in [
            "",
            "strong",
            "m=19456",
            "m=19456,t=2",
            "m=19456,t=2,p=1,x=1",
            "m=19456,t=2,p=1,t=3",
            "m=19456,t=0,p=1",
            "m=15,t=2,p=2",
            "m=4294967295,t=2,p=1",
            "m=-1,t=2,p=1",
            "m=19456,t=2,p=536870912",
        ] {
            assert!(text.parse::<HashCost>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_cost_written_down_reads_the_same(
            m_kib in 32..=HashCost::MAX_M_KIB,
            t in 1..=MOST,
            p in 1u32..=4,
        ) {
            let written = HashCost { m_kib, t, p }.to_string();
            prop_assert_eq!(cost(&written), HashCost { m_kib, t, p });
        }
    }
}
