//! What may be said of an entry besides its schedule.

use std::{fmt, str::FromStr};

/// What becomes of instants at which nobody was there to fire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missed {
    /// Nothing.
    Skip,
    /// One job for all of them, that of the newest.
    Once,
    /// A job for each, the newest so many at the most.
    All(u16),
}

/// What becomes of a time of day that is left out when the clock is put forward.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gap {
    /// It comes as soon as the clock has been put forward; several come together as one.
    After,
    /// Nothing.
    Skip,
}

/// How often a time of day comes that comes again when the clock is put back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fold {
    /// The first time.
    Once,
    /// Both times.
    Twice,
}

/// A word that says nothing here.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{word}` is not known here; say {known}")]
pub struct UnknownWord {
    word: String,
    known: &'static str,
}

/// More than these are never made up for.
const MOST: u16 = 1000;

impl Missed {
    /// What may be said.
    pub const KNOWN: &'static str = "skip, once, or all:N with N from 1 to 1000";
}

impl Gap {
    /// What may be said.
    pub const KNOWN: &'static str = "after or skip";
}

impl Fold {
    /// What may be said.
    pub const KNOWN: &'static str = "once or twice";
}

fn unknown<T>(word: &str, known: &'static str) -> Result<T, UnknownWord> {
    let word = word.to_owned();
    Err(UnknownWord { word, known })
}

impl FromStr for Missed {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let count = word.strip_prefix("all:").map(str::parse);
        match (word, count) {
            ("skip", _) => Ok(Missed::Skip),
            ("once", _) => Ok(Missed::Once),
            (_, Some(Ok(count @ 1..=MOST))) => Ok(Missed::All(count)),
            _ => unknown(word, Missed::KNOWN),
        }
    }
}

impl FromStr for Gap {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "after" => Ok(Gap::After),
            "skip" => Ok(Gap::Skip),
            _ => unknown(word, Gap::KNOWN),
        }
    }
}

impl FromStr for Fold {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "once" => Ok(Fold::Once),
            "twice" => Ok(Fold::Twice),
            _ => unknown(word, Fold::KNOWN),
        }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missed::Skip => f.write_str("skip"),
            Missed::Once => f.write_str("once"),
            Missed::All(count) => write!(f, "all:{count}"),
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Gap::After => "after",
            Gap::Skip => "skip",
        })
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fold::Once => "once",
            Fold::Twice => "twice",
        })
    }
}
