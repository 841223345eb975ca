//! Jobs that are due at an instant each start when they are due.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use super::{
    Noop,
    figures::{tell_memory, tell_spread},
};
use crate::{app::App, cli::Failure};

/// Between the first row and the first job that is due.
const LEAD: Duration = Duration::from_secs(1);

/// So many more are given another second: a small machine enqueues ten times as many in it.
const IN_A_SECOND: usize = 5_000;

/// Enqueued in one transaction.
const BATCH: usize = 1_000;

/// Enqueues `count` jobs that are due at random `within` a time, and waits for them.
pub(super) async fn measure(
    app: &App,
    count: usize,
    within: Duration,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let lead = LEAD + Duration::from_secs((count / IN_A_SECOND) as u64);
    super::tell(&format!(
        "enqueuing {count} jobs that are due within {within:?}, the first in {lead:?}"
    ));
    Noop::expect(count);
    let (begun, first) = (Instant::now(), app.clock.now() + lead);
    let due = || first + within.mul_f64(rand::random());
    super::enqueue(app, count, BATCH, due).await?;
    if begun.elapsed() > lead {
        return Err(Failure::Refused(
            "the first jobs were due before the last ones were enqueued: measure fewer".to_owned(),
        ));
    }
    super::tell("waiting for them");
    let late = Noop::all_started().await;
    super::all_ended(app).await?;
    tell_spread(out, "lateness", late)?;
    tell_memory(out)
}
