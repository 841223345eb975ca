//! How many jobs there are, by where they stand: counted now and then, for whoever scrapes.
//!
//! To count millions takes seconds, and nobody keeps a sum: every attempt that ends would have to wait for
//! its row. So the figures may be some time old, and say so. Counting takes one eleventh of the time at the
//! most, however often somebody asks: few jobs are counted at each scrape, ten million every few minutes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::rt;
use tokio::time::timeout;

use crate::store::{JobCount, Store};

/// After a count that took some time, none begins for so many times that long.
const REST: u32 = 10;

/// How long a scrape waits for a count; one that takes longer is for the next.
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
            // On its own: it goes on while others scrape, or whoever asked hangs up.
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
