//! How an attempt is told to stop: at once, or with some time to clean up.

use std::{
    future::pending,
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// For how long a job that was asked to stop may clean up. Then its code is dropped.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// How an attempt is told to stop. Clones tell the same one.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    /// Nobody waits for it any more.
    now: CancellationToken,
    /// Somebody wants the job cancelled. A child of the other: the job's code hears of both by this.
    asked: CancellationToken,
    /// Until when it may clean up.
    until: Arc<OnceLock<Timestamp>>,
}

impl Default for Stop {
    fn default() -> Self {
        let now = CancellationToken::new();
        Stop {
            asked: now.child_token(),
            now,
            until: Arc::default(),
        }
    }
}

impl Stop {
    /// Whatever it does is in vain: it is dropped where it stands.
    pub(super) fn at_once(&self) {
        self.now.cancel();
    }

    /// Asks it to stop, and gives it [`GRACE`] to do so.
    pub(super) fn ask(&self, clock: &Clock) {
        let until = clock.now().saturating_add(GRACE).unwrap_or(Timestamp::MAX);
        // Whoever asks again gives it no more time.
        let _ = self.until.set(until);
        self.asked.cancel();
    }

    /// What tells the job's own code.
    pub(super) fn token(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// Ends when nobody waits for the attempt any more.
    pub(super) async fn in_vain(&self) {
        self.now.cancelled().await;
    }

    /// Ends when the job was asked to stop and has had its time.
    pub(super) async fn overdue(&self, clock: &Clock) {
        self.asked.cancelled().await;
        match self.until.get() {
            Some(until) => clock.sleep_until(*until).await,
            None => pending().await,
        }
    }
}
