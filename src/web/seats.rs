//! How many visitors may watch their jobs live at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::WebError;

/// More than a few thousand open connections serve nobody well; all other pages are reloaded.
const SEATS: usize = 2048;

/// The places for streams; clones of the program's one `Data` share them.
pub struct Seats(Arc<Semaphore>);

impl Default for Seats {
    fn default() -> Self {
        Seats(Arc::new(Semaphore::new(SEATS)))
    }
}

impl Seats {
    /// A place for one stream, given back when it ends.
    pub fn take(&self) -> Result<OwnedSemaphorePermit, WebError> {
        self.0
            .clone()
            .try_acquire_owned()
            .map_err(|_| WebError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_and_given_back() {
        let seats = Seats(Arc::new(Semaphore::new(1)));
        let taken = seats.take().unwrap();
        assert!(matches!(seats.take(), Err(WebError::Busy)));
        drop(taken);
        assert!(seats.take().is_ok());
    }
}
