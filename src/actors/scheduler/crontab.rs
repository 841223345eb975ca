//! Enqueues what the calendar asks for, once among all instances.
//!
//! The rows are the truth here too: what this instance knows of them is when to look again. It looks when
//! an entry falls due, when one was changed here, and when a poll finds that somebody has written.

use std::{mem::take, time::Instant};

use jiff::Timestamp;

use super::{
    EnqueueError, POLL, Scheduler, handle::uncut, messages::EntryChanged, upkeep::complain,
};
use crate::{
    actors::AskError,
    jobs::Catalogue,
    queue::NewEntry,
    store::{Enqueued, EntryRow, JobRow, Store, StoreError},
};

/// When to look at the crontab.
#[derive(Debug)]
pub(super) struct Calendar {
    /// Nothing is known, or it has changed since the look began that is under way.
    unknown: bool,
    next: Option<Timestamp>,
    /// When it was last read, or found unchanged, by the machine's own time.
    read: Option<Instant>,
}

/// What a look has shown.
pub(super) struct Looked {
    /// When the next entry falls due, or one that could not fire is tried again.
    next: Option<Timestamp>,
    /// Jobs were enqueued, or are due now that were there.
    pub fired: bool,
}

impl Calendar {
    /// Nothing is known yet.
    pub(super) fn unknown() -> Self {
        Calendar {
            unknown: true,
            next: None,
            read: None,
        }
    }

    /// It has to be read, by a look that begins after this.
    pub(super) fn forget(&mut self) {
        self.unknown = true;
    }

    /// Whether it is time to look. Whoever is told so looks, or forgets.
    pub(super) fn calls(&mut self, now: Timestamp) -> bool {
        take(&mut self.unknown) || self.next.is_some_and(|next| next <= now)
    }

    /// Whether it is time to ask whether anything has changed.
    pub(super) fn polls(&self) -> bool {
        self.read.is_some_and(|read| read.elapsed() >= POLL)
    }

    /// Nothing has changed since the last look.
    pub(super) fn stays(&mut self) {
        self.read = self.read.map(|_| Instant::now());
    }

    pub(super) fn looked(&mut self, looked: &Looked) {
        self.next = looked.next;
        self.read = Some(Instant::now());
    }

    /// When to look next, if nothing changes before.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next
    }
}

/// Fires every entry that has fallen due, each in a transaction of its own.
pub(super) async fn look(
    store: &Store,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Looked, StoreError> {
    let mut rows = store.crontab().await?;
    let is_due = |row: &&EntryRow| catalogue.next(row).is_some_and(|next| next <= now);
    let due: Vec<_> = rows
        .iter()
        .filter(is_due)
        .map(|row| row.entry.name.clone())
        .collect();
    let mut fired = false;
    for name in &due {
        match store.fire(name, &|row| catalogue.due(row, now), now).await {
            Ok(jobs) => {
                for JobRow { id, kind, .. } in &jobs {
                    tracing::info!(entry = name, job.id = id.0, kind, "a cron entry has fired");
                }
                // None is new where a unique one was there, which may be due now.
                fired = true;
            }
            Err(error) if !error.is_about_the_rows() => return Err(error),
            // It must not keep the others from firing.
            Err(error) => complain(&error, "a cron entry could not fire; it is tried again"),
        }
    }
    if !due.is_empty() {
        rows = store.crontab().await?;
    }
    let ahead = rows.iter().filter_map(|row| catalogue.next(row));
    // One that could not fire, or that came in a moment ago, waits for a while.
    let next = ahead
        .map(|next| if next > now { next } else { now + POLL })
        .min();
    Ok(Looked { next, fired })
}

impl Scheduler {
    /// Adds an entry to the crontab. `None` says that there is one of this name.
    pub async fn add_entry(&self, entry: NewEntry) -> Result<Option<EntryRow>, AskError> {
        let (store, now) = (self.store.clone(), self.clock.now());
        let row = uncut(async move { store.add_entry(&entry, now).await }).await??;
        self.mailbox.tell(EntryChanged);
        Ok(row)
    }

    /// Removes an entry that no kind declares. `false` says that there is none.
    pub async fn remove_entry(&self, name: &str) -> Result<bool, AskError> {
        let (store, name) = (self.store.clone(), name.to_owned());
        let removed = uncut(async move { store.remove_entry(&name).await }).await??;
        self.mailbox.tell(EntryChanged);
        Ok(removed)
    }

    /// Lets an entry fire, or not any more. `None` says that there is none.
    pub async fn enable_entry(
        &self,
        name: &str,
        enabled: bool,
    ) -> Result<Option<EntryRow>, AskError> {
        let (store, now) = (self.store.clone(), self.clock.now());
        let name = name.to_owned();
        let row = uncut(async move { store.enable_entry(&name, enabled, now).await }).await??;
        self.mailbox.tell(EntryChanged);
        Ok(row)
    }

    /// Enqueues a job of this entry for now, whatever its schedule says and whether it is enabled or not.
    pub async fn run_entry(&self, entry: &NewEntry) -> Result<JobRow, EnqueueError> {
        let job = self.catalogue.job_of(entry)?;
        let rows = self.enqueue(vec![job]).await?;
        let row = rows.into_iter().next().map(Enqueued::into_row);
        let none = || AskError::Fault("no row came of a new job".to_owned());
        Ok(row.ok_or_else(none)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn what_changes_during_a_look_is_looked_at_again() {
        let mut calendar = Calendar::unknown();
        assert!(calendar.calls(NOW), "nothing is known");
        calendar.forget();
        let next = Some(NOW + POLL);
        calendar.looked(&Looked { next, fired: false });
        assert!(calendar.calls(NOW), "it was forgotten during the look");
        calendar.looked(&Looked { next, fired: false });
        assert!(!calendar.calls(NOW));
        assert!(calendar.calls(NOW + POLL), "an entry is due");
    }
}
