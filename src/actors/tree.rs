//! The supervision tree, as operators see it.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::probe::Vitals;

/// Every kind of actor that runs. Clones show the same tree.
#[derive(Clone, Default)]
pub struct Tree(Arc<Mutex<Vec<Arc<Vitals>>>>);

/// One kind of actor, all its instances together.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorReport {
    pub name: &'static str,
    /// The type in the source.
    pub kind: &'static str,
    /// Who hands work to it and is told when it falls.
    pub parent: Option<&'static str>,
    /// `running`, `restarting` while an instance waits for its restart, `stopped`.
    pub state: &'static str,
    pub instances: i64,
    /// Messages that wait.
    pub mailbox: i64,
    /// Messages handled since the start.
    pub handled: u64,
    pub restarts: u64,
    pub last_restart: Option<LastRestart>,
}

/// When and why a supervisor last had to act.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRestart {
    pub at: Timestamp,
    /// `panic`, `error` or `timeout`.
    pub reason: &'static str,
}

impl Tree {
    /// What every actor does at this moment, parents first.
    pub fn reports(&self) -> Vec<ActorReport> {
        self.lock().iter().map(|vitals| vitals.report()).collect()
    }

    pub(super) fn add(&self, vitals: Arc<Vitals>) {
        self.lock().push(vitals);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Vitals>>> {
        // A list of counters has no state that a panic could leave half-way.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
