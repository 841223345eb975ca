//! For the tests of a program that embeds cadastro: the real engine, a clock that a test moves, and what it did.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use cadastro::testing::TestApp;
//! # async fn test() {
//! // On SQLite in memory, with the jobs of this program added as its `main` does.
//! let app = TestApp::start(|app| app).await;
//! app.advance(Duration::from_secs(10)).await;
//! assert_eq!(app.letters().await.len(), 0);
//! # }
//! ```
//!
//! Everything here panics with a plain word where a test has failed: nothing of it is for a program that serves.

mod clockwork;
mod looks;

use std::{thread::JoinHandle, time::Duration};

use jiff::Timestamp;
use tokio::sync::oneshot;

pub use looks::{Enqueued, Ran};

use crate::{
    actors::{self, Registrar, Scheduler, Tree},
    app::{App, AppError, Builder},
    clock::Clock,
    config::{Config, Source, settings},
    metrics::Metrics,
    store::Store,
};

/// How long a test waits for a signal before it has failed: far longer than any should take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is different for a test: any port, a hash that costs nothing, no limits, no stop that waits, tasks of
/// cadastro's own that are done at once, and a key for secret arguments.
const SETTINGS: [(&str, &str); 10] = [
    ("CADASTRO_LISTEN", "127.0.0.1:0"),
    ("CADASTRO_PASSWORD_HASH", "m=8,t=1,p=1"),
    ("CADASTRO_ALLOW_WEAK_HASH", "1"),
    ("CADASTRO_RATE_LIMIT", "off"),
    ("CADASTRO_TASK_ACTORS", "16"),
    ("CADASTRO_EMAIL_ACTORS", "2"),
    ("CADASTRO_SHUTDOWN_GRACE", "0s"),
    ("CADASTRO_SIMPLE_TASK", "0s"),
    ("CADASTRO_PARAMETER_TASK", "0s"),
    (
        "CADASTRO_SECRET_KEY",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
];

/// cadastro, serving in a thread of the test's process. Stopped when dropped.
pub struct TestApp {
    /// Where it listens, whatever its base URL; without a slash at the end.
    pub url: String,
    /// It stands until the test moves it.
    pub clock: Clock,
    pub store: Store,
    pub registrar: Registrar,
    pub scheduler: Scheduler,
    pub tree: Tree,
    pub metrics: Metrics,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestApp {
    /// Starts on SQLite in memory; `add` gives it what the embedding program has of its own.
    pub async fn start(add: impl FnOnce(Builder) -> Builder) -> Self {
        Self::with(&[], add).await
    }

    /// Starts with these settings, by their environment names; with a `DATABASE_URL` on that database.
    pub async fn with(settings: &[(&str, &str)], add: impl FnOnce(Builder) -> Builder) -> Self {
        Self::try_with(settings, add)
            .await
            .unwrap_or_else(|error| panic!("cadastro did not start: {error}"))
    }

    /// Likewise, where it may be refused.
    ///
    /// # Panics
    ///
    /// Where a setting cannot be read.
    pub async fn try_with(
        settings: &[(&str, &str)],
        add: impl FnOnce(Builder) -> Builder,
    ) -> Result<Self, AppError> {
        let config = Config::read(|setting| {
            let given = settings.iter().chain(&SETTINGS);
            let value = given.copied().find(|(name, _)| *name == setting.env)?.1;
            Some((value.to_owned(), Source::Environment))
        });
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        // A date that looks like one in pages and letters.
        let noon = "2026-11-22T12:00:00Z".parse().expect("an instant");
        let app = App::builder(config).clock(Clock::standing_at(noon));
        let named = settings
            .iter()
            .any(|(name, _)| *name == settings::DATABASE_URL.env);
        let app = if named { app } else { app.in_memory() };
        Self::serve(add(app)).await
    }

    async fn serve(app: Builder) -> Result<Self, AppError> {
        let (ready, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actors::block_on(async move {
                let app = match app.start().await {
                    Ok(app) => app,
                    // Whoever started it has gone.
                    Err(error) => return drop(ready.send(Err(error))),
                };
                let handles = (
                    format!("http://{}", app.address),
                    app.clock.clone(),
                    app.store.clone(),
                    app.registrar.clone(),
                    app.scheduler.clone(),
                    app.tree.clone(),
                    app.metrics.clone(),
                );
                if ready.send(Ok(handles)).is_ok() {
                    let _ = stopped.await;
                }
                app.stop().await;
            });
        });
        let started = started.await.expect("cadastro starts without a panic");
        let (url, clock, store, registrar, scheduler, tree, metrics) = started?;
        Ok(TestApp {
            url,
            clock,
            store,
            registrar,
            scheduler,
            tree,
            metrics,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Stops as SIGTERM does, and waits for the end.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("cadastro ends without a panic");
            }
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.end();
    }
}
