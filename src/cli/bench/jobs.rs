//! Jobs that wait are done as fast as can be.

use std::{io::Write, time::Instant};

use super::{
    Noop,
    figures::{tell, tell_memory},
};
use crate::{app::App, cli::Failure, queue::TASK};

/// Enqueues `count` jobs while their queue is paused, then lets it run until the last one is written down.
pub(super) async fn measure(
    app: &App,
    count: usize,
    batch: usize,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let because = "cadastro bench fills it";
    app.scheduler.pause(TASK, because).await?;
    super::tell(&format!("enqueuing {count} jobs, {batch} at a time"));
    Noop::expect(count);
    let begun = Instant::now();
    super::enqueue(app, count, batch, || app.clock.now()).await?;
    tell(out, "enqueue", "jobs/s", rate(count, begun))?;

    super::tell("doing them");
    let begun = Instant::now();
    app.scheduler.resume(TASK).await?;
    Noop::all_started().await;
    super::all_ended(app).await?;
    tell(out, "drain", "jobs/s", rate(count, begun))?;
    tell_memory(out)
}

fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}
