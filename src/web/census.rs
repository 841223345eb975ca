//! How many jobs there are, by where they stand: counted now and then, for whoever asks.
//!
//! To count millions takes seconds, and nobody keeps a sum: every attempt that ends would have to wait for
//! its row. So the figures may be some time old, and say so. Counting takes one eleventh of the time at the
//! most, however often somebody asks: few jobs are counted at each question, ten million every few minutes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::rt;
use tokio::time::timeout;

use crate::store::{JobCount, Store};

/// After a count that took some time, none begins for so many times that long.
const REST: u32 = 10;

/// How long a question waits for a count; one that takes longer is for the next.
const PATIENCE: Duration = Duration::from_millis(200);

/// What was counted last.
#[derive(Clone, Default)]
pub struct Census(Arc<Inner>);

#[derive(Default)]
struct Inner {
    last: Mutex<Option<Last>>,
    /// Held by whoever counts.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The jobs as they stood some time ago.
pub struct Count {
    pub jobs: Arc<[JobCount]>,
    /// How long ago counting began.
    pub age: Duration,
}

/// The last try to count; one that had no answer took its time, too.
#[derive(Clone)]
struct Last {
    jobs: Option<Arc<[JobCount]>>,
    ended: Instant,
    took: Duration,
}

impl Last {
    fn rests(&self) -> bool {
        self.ended.elapsed() < self.took * REST
    }
}

impl Census {
    /// The newest count; none where there is none yet, or the last one had no answer.
    pub async fn newest(&self, store: &Store) -> Option<Count> {
        let last = self.last();
        let is_due = !last.as_ref().is_some_and(Last::rests);
        let turn = self.0.turn.clone().try_lock_owned();
        if let (true, Ok(turn)) = (is_due, turn) {
            let (census, store) = (self.clone(), store.clone());
            // On its own: it goes on while others ask, or whoever asked hangs up.
            let counting = rt::spawn(async move {
                let _turn = turn;
                census.count(&store).await;
            });
            if last.is_none_or(|last| last.took < PATIENCE) {
                // Out of patience, there is still what was counted before.
                let _ = timeout(PATIENCE, counting).await;
            }
        }
        let last = self.last()?;
        let age = last.took + last.ended.elapsed();
        last.jobs.map(|jobs| Count { jobs, age })
    }

    async fn count(&self, store: &Store) {
        let begun = Instant::now();
        let jobs = store.job_counts().await;
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Last {
            jobs: jobs.ok().map(Into::into),
            ended: Instant::now(),
            took: begun.elapsed(),
        });
    }

    fn last(&self) -> Option<Last> {
        let last = self.0.last.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::metrics::Metrics;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A database without a table, in which nobody can count.
    fn empty() -> (TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let path: &Path = &folder.path().join("cadastro.db");
        let store = Store::sqlite(path, Metrics::new("sqlite")).expect("it can be opened");
        (folder, store)
    }

    impl Census {
        /// Pretends that a count which took so long has just ended.
        fn pretend(&self, jobs: Option<Arc<[JobCount]>>, took: Duration) {
            let ended = Instant::now();
            *self.0.last.lock().unwrap() = Some(Last { jobs, ended, took });
        }
    }

    #[actix_web::test]
    async fn who_asks_first_has_a_count_of_now() {
        let (_folder, store) = empty();
        store.migrate().await.expect("it can be migrated");
        let count = Census::default().newest(&store).await.expect("a count");
        assert!(count.jobs.is_empty());
    }

    #[actix_web::test]
    async fn after_a_long_count_the_last_figures_stand_and_say_how_old_they_are() {
        let (_folder, store) = empty();
        let census = Census::default();
        census.pretend(Some([].into()), HOUR);
        let count = census.newest(&store).await.expect("the last figures");
        assert!(count.age >= HOUR, "counting began an hour ago");
    }

    #[actix_web::test]
    async fn where_nobody_can_count_no_figures_stand() {
        let (_folder, store) = empty();
        let census = Census::default();
        assert!(census.newest(&store).await.is_none());
        census.pretend(Some([].into()), Duration::ZERO);
        assert!(census.newest(&store).await.is_none(), "it was due again");
    }

    #[actix_web::test]
    async fn nobody_waits_while_another_counts() {
        let (_folder, store) = empty();
        let census = Census::default();
        census.pretend(Some([].into()), Duration::ZERO);
        let turn = census.0.turn.clone().try_lock_owned();
        let _turn = turn.expect("nobody counts yet");
        assert!(census.newest(&store).await.is_some(), "the last figures");
    }
}
