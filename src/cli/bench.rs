//! `cadastro bench`: how fast the engine is on this machine, with these settings.
//!
//! Everything is real: the store, the Scheduler, the actors, the commits. Only the jobs do nothing.

mod arguments;
mod figures;
mod jobs;
mod noop;
mod signups;
mod timers;

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use jiff::Timestamp;

pub(super) use self::arguments::{arguments, read};
use self::noop::Noop;
use super::{Failure, open};
use crate::{
    actors::{self, EnqueueError},
    app::{App, Builder},
    store::StoreError,
};

/// What to measure.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Bench {
    /// How many jobs are enqueued, and then done, in a second.
    Jobs {
        /// So many.
        count: usize,
        /// So many of them in each transaction that enqueues.
        batch: usize,
    },
    /// How late jobs start that are due at an instant of their own.
    Timers {
        /// So many.
        count: usize,
        /// Due at random within this time.
        within: Duration,
    },
    /// How many people are signed up in a second, without the web.
    Signups {
        /// So many.
        count: usize,
        /// So many of them at once.
        clients: usize,
    },
}

impl Bench {
    /// Measures, and answers on `out`: a line of JSON for each figure.
    pub(super) fn run(self, app: Builder, out: &mut dyn Write) -> Result<(), Failure> {
        let app = app.unvisited().jobs(|jobs| jobs.task::<Noop>());
        actors::block_on(async {
            // Before anything starts: it would do the jobs that are there.
            refuse_users(&app).await?;
            let app = app.start().await?;
            let measured = self.measure(&app, out).await;
            app.stop().await;
            measured
        })
    }

    async fn measure(self, app: &App, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Bench::Jobs { count, batch } => jobs::measure(app, count, batch, out).await,
            Bench::Timers { count, within } => timers::measure(app, count, within, out).await,
            Bench::Signups { count, clients } => signups::measure(app, count, clients, out).await,
        }
    }
}

/// Whoever has users has jobs that are worth more than a measurement.
async fn refuse_users(app: &Builder) -> Result<(), Failure> {
    if open::missing(app.config()).is_some() {
        return Ok(());
    }
    let users = match app.store()?.users(None, 1).await {
        // A database without tables holds nobody.
        Err(StoreError::Refused(_)) => Vec::new(),
        answer => answer?,
    };
    match users.is_empty() {
        true => Ok(()),
        false => Err(Failure::Refused(
            "this database holds users: name another with --database-url, one that may be thrown away"
                .to_owned(),
        )),
    }
}

/// Enqueues `count` jobs, `batch` in each transaction, each due when `due` says.
async fn enqueue(
    app: &App,
    count: usize,
    batch: usize,
    due: impl Fn() -> Timestamp,
) -> Result<(), Failure> {
    let mut left = count;
    while left > 0 {
        let some = left.min(batch);
        let jobs = (0..some).map(|_| Noop::at(due())).collect();
        app.scheduler.enqueue(jobs).await.map_err(refused)?;
        left -= some;
    }
    Ok(())
}

/// Returns once the end of every job that has started is written down.
async fn all_ended(app: &App) -> Result<(), Failure> {
    while app.scheduler.quiet().await.ok_or_else(gone)? > 0 {}
    Ok(())
}

fn refused(error: EnqueueError) -> Failure {
    Failure::Refused(format!("the jobs could not be enqueued: {error}"))
}

fn gone() -> Failure {
    Failure::Refused("the scheduler fell too often".to_owned())
}

/// Tells a person who waits what is being done.
fn tell(what: &str) {
    if io::stderr().is_terminal() {
        // Nobody need read it.
        let _ = writeln!(io::stderr(), "{what}");
    }
}
