//! Whether the database is there: what metrics and log are told of its answers, whoever asked.
//!
//! Requests, the Scheduler and jobs all meet the same dead database, so it is told of here, where
//! every answer passes, and not by each of them.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use super::StoreError;
use crate::{metrics::Metrics, telemetry::Seldom};

/// The cause under which a return is told.
const BACK: &str = "";

pub(super) struct Presence {
    metrics: Metrics,
    told: Seldom,
    /// An outage was told of, and not yet its end.
    away: AtomicBool,
    since: Mutex<Option<Instant>>,
}

impl Presence {
    pub(super) fn new(metrics: Metrics) -> Self {
        Presence {
            metrics,
            told: Seldom::default(),
            away: AtomicBool::new(false),
            since: Mutex::default(),
        }
    }

    /// Takes note of an answer.
    pub(super) fn note<T>(&self, answer: &Result<T, StoreError>) {
        if let Err(error) = answer {
            self.metrics.db_error(error.class());
        }
        match answer {
            Err(StoreError::Away(why) | StoreError::Unusable(why)) => {
                self.metrics.db_up.set(0);
                self.is_away(why);
            }
            _ => {
                self.metrics.db_up.set(1);
                if self.away.load(Relaxed) {
                    self.is_back();
                }
            }
        }
    }

    fn is_away(&self, why: &str) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now);
        self.away.store(true, Relaxed);
        if let Some(left_out) = self.told.tells(why) {
            let suppressed = (left_out > 0).then_some(left_out);
            tracing::warn!(error = why, suppressed, "the database is away");
        }
    }

    fn is_back(&self) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        // One that comes and goes all the time is told of a later time; so may others be quicker.
        if let Some(began) = *since
            && self.told.tells(BACK).is_some()
        {
            *since = None;
            self.away.store(false, Relaxed);
            let seconds = began.elapsed().as_secs_f64();
            let suppressed = self.told.left_out();
            tracing::info!(seconds, suppressed, "the database answers again");
        }
    }
}
