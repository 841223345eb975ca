//! The job that does nothing, but for telling that it has started.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{
    jobs::{Context, Done, JobError, Task},
    queue::{Due, Job, NewJob},
};

/// Does nothing.
#[derive(Deserialize, Serialize)]
pub(super) struct Noop {
    /// In microseconds since the epoch: a handler is not told when its job was due.
    due: i64,
}

/// What the jobs of this process tell: jobs are made of their rows, and share nothing else.
static STARTS: Starts = Starts {
    late: Mutex::new(Vec::new()),
    expected: AtomicUsize::new(usize::MAX),
    complete: Notify::const_new(),
};

struct Starts {
    /// How late each of them started, in seconds.
    late: Mutex<Vec<f64>>,
    expected: AtomicUsize,
    complete: Notify,
}

impl Noop {
    pub(super) fn at(due: Timestamp) -> NewJob {
        let noop = Noop {
            due: due.as_microsecond(),
        };
        NewJob {
            due: Due::At(due),
            ..noop.now()
        }
    }

    /// Says how many starts [`Noop::all_started`] waits for.
    pub(super) fn expect(count: usize) {
        let mut late = STARTS.late.lock().unwrap_or_else(PoisonError::into_inner);
        *late = Vec::with_capacity(count);
        STARTS.expected.store(count, Ordering::Relaxed);
    }

    /// Returns once all of them have started: how late each did, in seconds.
    pub(super) async fn all_started() -> Vec<f64> {
        STARTS.complete.notified().await;
        std::mem::take(&mut STARTS.late.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Job for Noop {
    const KIND: &'static str = "noop";
}

impl Task for Noop {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        let late = cx.clock().now().as_microsecond() - self.due;
        let mut starts = STARTS.late.lock().unwrap_or_else(PoisonError::into_inner);
        starts.push(late as f64 / 1e6);
        if starts.len() == STARTS.expected.load(Ordering::Relaxed) {
            STARTS.complete.notify_one();
        }
        Ok(Done::default())
    }
}
