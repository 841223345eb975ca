//! The breaker: keeps letters from a mail server that is in trouble, all but one at a time.
//!
//! ```text
//!         so many failures in a row          its wait is over
//!  closed -------------------------> open ---------------------> half open: one letter probes
//!    ^                                 ^                             |    |
//!    |                                 +------ it failed, too -------+    |
//!    +------------------ the server dealt with a letter ------------------+
//! ```
//!
//! Without it a server that is away costs every EmailActor its whole patience for every letter.
//! Only what speaks of the server counts, as [`MailError::speaks_of_the_server`] tells: a server that
//! refuses a letter, or puts it off, is well.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{Accepted, MailError};

/// So many failures in a row open it: one may be a mishap, and two may be one mishap seen twice.
const FAILURES: u32 = 3;

/// The wait before the first probe; it doubles with each one that fails.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// The wait never grows beyond this, so that letters leave soon after the server is back.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// How long a letter is put off that comes while another one probes: a silent server has by then
/// cost that one its patience for a step.
const PROBE: Duration = Duration::from_secs(15);

/// One for all EmailActors of a process: it outlives their falls. Clones are the same breaker.
#[derive(Clone, Debug, Default)]
pub struct Breaker(Arc<Mutex<Rule>>);

/// Leave to send one letter. Whoever drops it without a word has learnt nothing of the server.
#[derive(Debug)]
#[must_use = "the breaker learns from what came of the letter"]
pub struct Pass {
    breaker: Breaker,
    /// Its number, if it is a probe.
    probe: Option<u64>,
}

/// No leave to send a letter now: come back after this, when the breaker may let another one probe.
///
/// It is not the same for all, so that they do not all come back at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PutOff(pub Duration);

impl Breaker {
    /// Asks for leave to send a letter.
    ///
    /// # Errors
    ///
    /// [`PutOff`] while the server is in trouble, and this letter is not the one to try it.
    pub fn ask(&self, now: Timestamp) -> Result<Pass, PutOff> {
        let probe = self.rule().ask(now, rand::random())?;
        Ok(Pass {
            breaker: self.clone(),
            probe,
        })
    }

    /// The newest failure, while the server is in trouble.
    pub fn trouble(&self) -> Option<String> {
        self.rule().open.as_ref().map(|open| open.because.clone())
    }

    /// Nothing panics while it holds the lock.
    fn rule(&self) -> MutexGuard<'_, Rule> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// Tells what came of the letter.
    pub fn tell(self, sent: &Result<Accepted, MailError>, now: Timestamp) {
        match sent {
            Err(error) if error.speaks_of_the_server() => self.failed(&error.to_string(), now),
            // It may never have come to the server.
            Err(MailError::Invalid(_)) => {}
            Ok(_) | Err(_) => self.dealt(now),
        }
    }

    /// Tells that the server failed the letter: an error that speaks of it, or no end in time.
    pub fn failed(self, because: &str, now: Timestamp) {
        if self.breaker.rule().failed(self.probe, because, now) {
            tracing::warn!(
                failures = FAILURES,
                "the mail server is in trouble: letters are put off, and one at a time tries it"
            );
        }
    }

    fn dealt(self, now: Timestamp) {
        let opened_at = self.breaker.rule().dealt();
        if let Some(opened_at) = opened_at {
            let duration_ms = now.duration_since(opened_at).as_millis();
            tracing::info!(duration_ms, "the mail server takes letters again");
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.breaker.rule().returned(self.probe);
    }
}

#[derive(Debug, Default)]
struct Rule {
    /// In a row, while it is closed.
    failures: u32,
    open: Option<Open>,
    /// How many probes there have been.
    probes: u64,
}

#[derive(Debug)]
struct Open {
    opened_at: Timestamp,
    because: String,
    wait: Duration,
    probe_at: Timestamp,
    /// The number of the probe that is under way.
    probe: Option<u64>,
}

impl Rule {
    /// Gives leave, with a number if it is for a probe. `chance`, from 0 to 1, spreads those who
    /// are put off over half a wait.
    fn ask(&mut self, now: Timestamp, chance: f64) -> Result<Option<u64>, PutOff> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let left = match open.probe {
            Some(_) => PROBE,
            None => Duration::try_from(open.probe_at.duration_since(now)).unwrap_or_default(),
        };
        if left.is_zero() {
            self.probes += 1;
            open.probe = Some(self.probes);
            return Ok(open.probe);
        }
        Err(PutOff(left + open.wait.mul_f64(0.5 * chance)))
    }

    /// Takes note of a failure; `true` says that it opened the breaker.
    fn failed(&mut self, probe: Option<u64>, because: &str, now: Timestamp) -> bool {
        let wait = match &self.open {
            None => {
                self.failures += 1;
                if self.failures < FAILURES {
                    return false;
                }
                FIRST_WAIT
            }
            Some(open) if probe.is_some() && open.probe == probe => {
                open.wait.saturating_mul(2).min(LONGEST_WAIT)
            }
            // A letter that had left before the breaker opened has nothing to add.
            Some(_) => return false,
        };
        let opened_at = self.open.as_ref().map(|open| open.opened_at);
        self.open = Some(Open {
            opened_at: opened_at.unwrap_or(now),
            because: because.to_owned(),
            wait,
            probe_at: now.saturating_add(wait).unwrap_or(Timestamp::MAX),
            probe: None,
        });
        opened_at.is_none()
    }

    /// Takes note that the server is well; says since when the breaker was open, if it was.
    fn dealt(&mut self) -> Option<Timestamp> {
        self.failures = 0;
        self.open.take().map(|open| open.opened_at)
    }

    /// Whoever was to probe says nothing: the next letter takes its place.
    fn returned(&mut self, probe: Option<u64>) {
        if let Some(open) = &mut self.open
            && probe.is_some()
            && open.probe == probe
        {
            open.probe = None;
        }
    }
}

#[cfg(test)]
mod tests;
