//! What time it is; a hand that tests can move.
//!
//! The machine's time of day can leap: somebody sets it, a virtual machine wakes up elsewhere. A leap of a
//! day ahead would make everything due at once, and one back would keep letters waiting for a day. So the
//! clock takes the time of day once, counts on by itself, and from then on follows the time of day by at
//! most one part in `PACE`.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

/// A wrong clock is put right by a hundredth of the time that passes: an hour in four days. What waits for
/// ten seconds waits for a tenth of a second more or less.
const PACE: i32 = 100;

/// A smaller difference is left alone: asking another machine for its time is not more exact.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(50);

/// A larger difference is worth a word to an operator.
const LEAP: SignedDuration = SignedDuration::from_secs(2);

/// The one source of "now" for every room. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    hand: Hand,
    /// The job on whose behalf somebody sleeps.
    job: Option<i64>,
}

#[derive(Clone, Debug)]
enum Hand {
    System(Arc<Mutex<Steady>>),
    Set(Arc<Standing>),
}

/// Time that stands until it is moved.
#[derive(Debug)]
struct Standing {
    now: watch::Sender<Timestamp>,
    sleepers: watch::Sender<Vec<Sleeper>>,
}

/// Somebody who waits for an instant of a standing clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sleeper {
    pub job: Option<i64>,
    pub until: Timestamp,
}

/// Takes its sleeper off the list, however the sleep ends.
struct Bed<'a>(&'a Standing, Sleeper);

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        self.0.sleepers.send_modify(|sleepers| {
            let found = sleepers.iter().position(|sleeper| *sleeper == self.1);
            found.map(|at| sleepers.swap_remove(at));
        });
    }
}

/// Time that goes on evenly, whatever happens to the time of day.
#[derive(Debug)]
struct Steady {
    shown: Timestamp,
    /// How long the machine had been up when `shown` was right.
    uptime: SignedDuration,
    /// By how much the clock that we follow is ahead of the machine's.
    lead: SignedDuration,
    told_of_leap: bool,
}

impl Steady {
    fn at(time_of_day: Timestamp, uptime: SignedDuration) -> Self {
        Steady {
            shown: time_of_day,
            uptime,
            lead: SignedDuration::ZERO,
            told_of_leap: false,
        }
    }

    fn read(&mut self, time_of_day: Timestamp, uptime: SignedDuration) -> Timestamp {
        let passed = (uptime - self.uptime).max(SignedDuration::ZERO);
        let counted = self.shown.saturating_add(passed).unwrap_or(Timestamp::MAX);
        let followed = time_of_day.saturating_add(self.lead);
        let off = followed.unwrap_or(Timestamp::MAX).duration_since(counted);
        self.tell(off);
        let step = match off.abs() > TOLERANCE {
            true => off.clamp(-(passed / PACE), passed / PACE),
            false => SignedDuration::ZERO,
        };
        self.shown = counted.saturating_add(step).unwrap_or(Timestamp::MAX);
        self.uptime = uptime;
        self.shown
    }

    fn follow(&mut self, theirs: Timestamp, time_of_day: Timestamp, uptime: SignedDuration) {
        // Before the other clock makes up for it: else nobody would be told of a leap.
        self.read(time_of_day, uptime);
        self.lead = theirs.duration_since(time_of_day);
    }

    /// Says once of every leap that it was noticed.
    fn tell(&mut self, off: SignedDuration) {
        let leapt = off.abs() > LEAP;
        if leapt && !self.told_of_leap {
            let seconds = off.as_secs();
            tracing::warn!(
                seconds,
                "the time of day has leapt; it is followed slowly, a restart takes it over at once"
            );
        }
        self.told_of_leap = leapt;
    }
}

/// How long the machine has been up, the times when it slept included.
fn uptime() -> SignedDuration {
    let time = clock_gettime(ClockId::Boottime);
    // The kernel's nanoseconds stay below a second.
    SignedDuration::new(time.tv_sec, time.tv_nsec as i32)
}

impl Clock {
    /// Counts from the machine's time of day.
    pub fn system() -> Self {
        let steady = Steady::at(Timestamp::now(), uptime());
        Clock::by(Hand::System(Arc::new(Mutex::new(steady))))
    }

    /// A clock that stands at `now` until [`Clock::advance`] moves it.
    pub fn standing_at(now: Timestamp) -> Self {
        Clock::by(Hand::Set(Arc::new(Standing {
            now: watch::Sender::new(now),
            sleepers: watch::Sender::default(),
        })))
    }

    fn by(hand: Hand) -> Self {
        Clock { hand, job: None }
    }

    /// The same clock in the hands of a job: whoever moves it can tell a job that waits from one at work.
    pub fn of_job(&self, job: i64) -> Self {
        Clock {
            hand: self.hand.clone(),
            job: Some(job),
        }
    }

    /// Who sleeps by a standing clock; nobody is told of by the machine's own.
    pub(crate) fn sleepers(&self) -> Option<watch::Receiver<Vec<Sleeper>>> {
        match &self.hand {
            Hand::System(_) => None,
            Hand::Set(standing) => Some(standing.sleepers.subscribe()),
        }
    }

    /// The present instant, cut to the microseconds that the databases keep.
    pub fn now(&self) -> Timestamp {
        let now = match &self.hand {
            Hand::System(steady) => lock(steady).read(Timestamp::now(), uptime()),
            Hand::Set(standing) => *standing.now.borrow(),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Takes over another clock's time, which shows `theirs` at this moment: at once, before anything
    /// has begun by this one. A clock that is moved by hand does not listen.
    pub fn set(&self, theirs: Timestamp) {
        if let Hand::System(steady) = &self.hand {
            let now = Timestamp::now();
            let lead = theirs.duration_since(now);
            *lock(steady) = Steady {
                lead,
                ..Steady::at(theirs, uptime())
            };
        }
    }

    /// Follows another clock from now on, which shows `theirs` at this moment.
    pub fn follow(&self, theirs: Timestamp) {
        if let Hand::System(steady) = &self.hand {
            lock(steady).follow(theirs, Timestamp::now(), uptime());
        }
    }

    /// Moves a standing clock forward and wakes everybody who sleeps on it.
    ///
    /// The machine's own clock does not obey: nothing happens.
    pub fn advance(&self, by: Duration) {
        if let Hand::Set(standing) = &self.hand {
            standing
                .now
                .send_modify(|now| *now = now.saturating_add(by).unwrap_or(Timestamp::MAX));
        }
    }

    /// Returns once this clock shows `duration` more than at the call.
    pub async fn sleep(&self, duration: Duration) {
        let until = self.now().saturating_add(duration);
        self.sleep_until(until.unwrap_or(Timestamp::MAX)).await;
    }

    /// Returns once this clock shows `until`.
    pub async fn sleep_until(&self, until: Timestamp) {
        match &self.hand {
            Hand::System(_) => loop {
                let left = until.duration_since(self.now());
                match Duration::try_from(left) {
                    // More than once where this clock is being held back.
                    Ok(left) if !left.is_zero() => tokio::time::sleep(left).await,
                    _ => return,
                }
            },
            Hand::Set(standing) => {
                let job = self.job;
                let _bed = standing.lie_down(Sleeper { job, until });
                // An error says that the clock itself is gone, and with it all who wait.
                let _ = standing.now.subscribe().wait_for(|now| *now >= until).await;
            }
        }
    }

    /// A future that ends at the next move of a standing clock; never, on the machine's own.
    pub fn moved(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match &self.hand {
            Hand::System(_) => Box::pin(std::future::pending()),
            Hand::Set(standing) => {
                let mut hand = standing.now.subscribe();
                Box::pin(async move {
                    let _ = hand.changed().await;
                })
            }
        }
    }
}

impl Standing {
    fn lie_down(&self, sleeper: Sleeper) -> Bed<'_> {
        self.sleepers.send_modify(|sleepers| sleepers.push(sleeper));
        Bed(self, sleeper)
    }
}

fn lock(steady: &Mutex<Steady>) -> std::sync::MutexGuard<'_, Steady> {
    // A reading is written whole or not at all.
    steady.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
