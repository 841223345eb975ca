//! The supervision tree, as operators see it.

use std::sync::{Arc, Mutex};

use super::{probe::Vitals, report::ActorReport};

/// Every kind of actor that runs. Clones show the same tree.
#[derive(Clone, Default)]
pub struct Tree(Arc<Mutex<Vec<Arc<Vitals>>>>);

impl Tree {
    /// What every actor does at this moment, parents first.
    pub fn reports(&self) -> Vec<ActorReport> {
        self.lock().iter().map(|vitals| vitals.report()).collect()
    }

    pub(super) fn add(&self, vitals: Arc<Vitals>) {
        self.lock().push(vitals);
    }

    pub(super) fn remove(&self, vitals: &Arc<Vitals>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, vitals));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Vitals>>> {
        // A list of counters has no state that a panic could leave half-way.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
