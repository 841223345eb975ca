//! How many visitors may watch their jobs live at once.

use std::sync::Arc;

use procfs::process::{LimitValue, Process};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// More than a few thousand connections that stay open serve nobody well.
const SEATS: usize = 2048;

/// The places for streams; clones of the program's one `Data` share them.
pub struct Seats(Arc<Semaphore>);

impl Default for Seats {
    /// As many as leave half of the connections that the system allows to everybody else: with all of
    /// them taken, not even the first page would be answered. Many systems allow 1024.
    fn default() -> Self {
        let half = open_files().map_or(SEATS, |files| files / 2);
        Seats(Arc::new(Semaphore::new(SEATS.min(half))))
    }
}

impl Seats {
    /// A place for one stream, given back when it ends; `None` if all are taken.
    pub fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }
}

/// How many files, connections among them, this process may have open; `None` where nobody says.
fn open_files() -> Option<usize> {
    let limits = Process::myself()
        .and_then(|process| process.limits())
        .ok()?;
    match limits.max_open_files.soft_limit {
        LimitValue::Value(files) => files.try_into().ok(),
        LimitValue::Unlimited => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_and_given_back() {
        let seats = Seats(Arc::new(Semaphore::new(1)));
        let taken = seats.take();
        assert!(taken.is_some() && seats.take().is_none());
        drop(taken);
        assert!(seats.take().is_some());
    }
}
