//! Moves the clock from one instant at which something happens to the next, and waits each time until it has.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::{sync::watch, time::timeout};

use super::{PATIENCE, TestApp};
use crate::{clock::Sleeper, store::JobFilter};

impl TestApp {
    /// Moves the clock, and returns once all that falls due by then has ended, in its order: what is retried
    /// within that time is retried, and what a job enqueues for it runs.
    ///
    /// A job that waits by the clock for a later instant is left waiting.
    ///
    /// # Panics
    ///
    /// Where a job neither ends nor waits by the clock for a minute. One that is to be cut off by its time
    /// limit needs `clock.advance`, which moves the clock and waits for nothing.
    pub async fn advance(&self, by: Duration) {
        let end = self.now().saturating_add(by).unwrap_or(Timestamp::MAX);
        loop {
            self.quiet().await;
            if self.now() >= end {
                return;
            }
            let next = self.next().await;
            self.move_to(next.map_or(end, |next| next.min(end)));
        }
    }

    /// Returns once all that is due has ended, but for jobs that wait by the clock.
    pub async fn quiet(&self) {
        let mut changes = self.scheduler.changes();
        let mut sleepers = self.sleepers();
        let quiet = async {
            loop {
                sleepers.mark_unchanged();
                let running = self.scheduler.quiet().await;
                let running = running.expect("the scheduler lives");
                if running == self.waiting() {
                    return;
                }
                tokio::select! {
                    // One that fell behind has news, too.
                    _ = changes.recv() => {}
                    _ = sleepers.changed() => {}
                }
            }
        };
        if timeout(PATIENCE, quiet).await.is_err() {
            let rows = self.store.jobs(&JobFilter::default(), None, 1000).await;
            let rows = rows.unwrap_or_default().into_iter();
            let open: Vec<_> = rows
                .filter(|row| !row.state.is_final())
                .map(|row| format!("{} {} is {}", row.kind, row.id, row.state))
                .collect();
            panic!("no quiet moment came: {}", open.join(", "));
        }
    }

    /// Moves the clock to the next instant at which something happens; `false` where nothing ever will.
    pub(super) async fn step(&self) -> bool {
        let next = self.next().await;
        next.map(|next| self.move_to(next)).is_some()
    }

    /// The next instant at which a job falls due, or somebody wakes.
    async fn next(&self) -> Option<Timestamp> {
        let now = self.now();
        let due = self.store.due_after(now, 1).await;
        let due = due.expect("the database answers").into_iter();
        let sleepers = self.sleepers();
        let wakes = sleepers.borrow();
        let wakes = wakes.iter().map(|sleeper| sleeper.until);
        due.chain(wakes.filter(|until| *until > now)).min()
    }

    fn move_to(&self, instant: Timestamp) {
        let by = instant.duration_since(self.now());
        self.clock.advance(by.try_into().unwrap_or_default());
    }

    /// How many jobs wait by the clock: nothing of theirs is to wake yet.
    fn waiting(&self) -> usize {
        let now = self.now();
        let mut first = BTreeMap::new();
        for Sleeper { job, until } in self.sleepers().borrow().iter() {
            if let Some(job) = job {
                let first = first.entry(*job).or_insert(*until);
                *first = (*first).min(*until);
            }
        }
        first.values().filter(|until| **until > now).count()
    }

    fn sleepers(&self) -> watch::Receiver<Vec<Sleeper>> {
        let sleepers = self.clock.sleepers();
        sleepers.expect("the clock stands until the test moves it")
    }
}
