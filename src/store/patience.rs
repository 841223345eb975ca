//! How long anybody waits for the database.

use std::{cell::Cell, time::Duration};

use tokio::time::{Instant, timeout};

use super::StoreError;

/// How long one question or transaction may take, from asking for a connection to the answer.
///
/// Short of the three seconds after which a page must have answered, whatever the database does.
pub const LIMIT: Duration = Duration::from_millis(2500);

tokio::task_local! {
    /// What is left of the limit that several questions share.
    static LEFT: Cell<Duration>;
}

/// Gives all questions that `work` asks as much time together as one may take alone.
///
/// A database that is slow would else keep a visitor waiting once for each of a page's questions.
pub async fn sharing_one_limit<F: Future>(work: F) -> F::Output {
    LEFT.scope(Cell::new(LIMIT), work).await
}

/// How long the next question may take.
pub fn left() -> Duration {
    LEFT.try_with(Cell::get).unwrap_or(LIMIT)
}

/// Waits for what the database, or whoever asks it for us, has to say; not beyond the limit.
pub async fn in_time<F: Future>(answer: F) -> Result<F::Output, StoreError> {
    let left = left();
    let begun = Instant::now();
    let answer = timeout(left, answer).await;
    // An error says that nobody shares: the next question has a limit of its own.
    let _ = LEFT.try_with(|rest| rest.set(left.saturating_sub(begun.elapsed())));
    answer.map_err(|_| StoreError::Away(format!("no answer within {left:?}")))
}
