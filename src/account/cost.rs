//! How much work and memory one password costs, to us and to whoever guesses.

use std::{fmt, str::FromStr};

use argon2::Params;

/// The cost of one Argon2id hash, written `m=19456,t=2,p=1`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    /// Memory in KiB; each thread of the [`Hasher`](super::Hasher) keeps that much.
    pub m_kib: u32,
    /// Passes over the memory.
    pub t: u32,
    /// Lanes. They are computed one after the other, so more of them give no speed.
    pub p: u32,
}

impl Cost {
    /// The most memory, 1 GiB: beyond it stands a slip rather than a wish.
    pub const MAX_M_KIB: u32 = 1 << 20;

    /// Whether it is weaker than every choice that the OWASP Password Storage Cheat Sheet holds for
    /// equally strong.
    pub fn is_weak(&self) -> bool {
        const RECOMMENDED: [(u32, u32); 5] =
            [(47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5)];
        !RECOMMENDED
            .iter()
            .any(|&(m_kib, t)| self.m_kib >= m_kib && self.t >= t)
    }

    /// What the algorithm is given.
    ///
    /// # Errors
    /// The bound that the cost breaks: Argon2's own, or [`Cost::MAX_M_KIB`].
    pub(super) fn params(&self) -> Result<Params, CostError> {
        if self.m_kib > Self::MAX_M_KIB {
            return Err(CostError::Range("more than 1 GiB of memory".to_owned()));
        }
        Params::new(self.m_kib, self.t, self.p, Some(Params::DEFAULT_OUTPUT_LEN))
            .map_err(|error| CostError::Range(error.to_string()))
    }
}

/// OWASP's first choice for a server of moderate memory.
impl Default for Cost {
    fn default() -> Self {
        Self {
            m_kib: 19456,
            t: 2,
            p: 1,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.m_kib, self.t, self.p)
    }
}

/// Why a text is no cost.
#[derive(Debug, thiserror::Error)]
pub enum CostError {
    #[error("it must look like `m=19456,t=2,p=1`: memory in KiB, passes, lanes")]
    Form,
    #[error("Argon2 cannot work with this cost: {0}")]
    Range(String),
}

impl FromStr for Cost {
    type Err = CostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut m_kib, mut t, mut p) = (None, None, None);
        for part in text.split(',') {
            let (name, number) = part.trim().split_once('=').ok_or(CostError::Form)?;
            let place = match name {
                "m" => &mut m_kib,
                "t" => &mut t,
                "p" => &mut p,
                _ => return Err(CostError::Form),
            };
            let number = number.parse().map_err(|_| CostError::Form)?;
            if place.replace(number).is_some() {
                return Err(CostError::Form);
            }
        }
        let (Some(m_kib), Some(t), Some(p)) = (m_kib, t, p) else {
            return Err(CostError::Form);
        };
        let cost = Self { m_kib, t, p };
        cost.params()?;
        Ok(cost)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(m_kib: u32, t: u32, p: u32) -> Cost {
        Cost { m_kib, t, p }
    }

    #[test]
    fn the_default_is_owasps_first_choice() {
        assert_eq!(Cost::default().to_string(), "m=19456,t=2,p=1");
        assert!(!Cost::default().is_weak());
    }

    #[test]
    fn what_no_recommendation_covers_is_weak() {
        for (m_kib, t) in [
            (47104, 1),
            (19456, 2),
            (12288, 3),
            (9216, 4),
            (7168, 5),
            (65536, 3),
        ] {
            assert!(!cost(m_kib, t, 1).is_weak(), "m={m_kib},t={t}");
        }
        for (m_kib, t) in [(8, 1), (47103, 1), (19455, 2), (7167, 50), (46080, 1)] {
            assert!(cost(m_kib, t, 1).is_weak(), "m={m_kib},t={t}");
        }
    }

    #[test]
    fn parts_may_come_in_any_order_but_each_once() {
        assert_eq!(
            "t=3, p=1,m=12288".parse::<Cost>().unwrap(),
            cost(12288, 3, 1)
        );
        for text in [
            "",
            "19456,2,1",
            "m=19456,t=2",
            "m=8,m=8,t=1,p=1",
            "m=8,t=1,p=1,x=1",
            "m=-8,t=1,p=1",
            "m=8,t=1,p=1,",
        ] {
            assert!(
                matches!(text.parse::<Cost>(), Err(CostError::Form)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_cost_that_cannot_be_paid_is_refused() {
        for text in [
            "m=7,t=1,p=1",
            "m=8,t=0,p=1",
            "m=8,t=1,p=0",
            "m=15,t=1,p=2",
            "m=1048577,t=1,p=1",
        ] {
            assert!(
                matches!(text.parse::<Cost>(), Err(CostError::Range(_))),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_cost_written_down_reads_the_same(m_kib in 32u32..=Cost::MAX_M_KIB, t in 1u32.., p in 1u32..=4) {
            let cost = cost(m_kib, t, p);
            prop_assert_eq!(cost.to_string().parse::<Cost>().unwrap(), cost);
        }

        #[test]
        fn any_text_is_a_cost_or_an_error(text in "[mtp=,0-9 ]{0,20}|.*") {
            let _ = text.parse::<Cost>();
        }
    }
}
