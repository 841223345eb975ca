//! cadastro itself, started in the test's process: a database, port, clock and mail server of its own.

use std::{collections::BTreeMap, ops::Deref, time::Duration};

use cadastro::{
    clock::Clock,
    jobs::CatalogueBuilder,
    queue::State,
    store::{JobCount, JobRow, QueueRow, Store},
    testing,
};

use jiff::Timestamp;

use super::database::TestDatabase;

/// How long a test waits for a signal before it has failed: far longer than any should take.
const PATIENCE: Duration = Duration::from_secs(60);

type AddJobs = Box<dyn FnOnce(CatalogueBuilder) -> CatalogueBuilder + Send>;

/// cadastro with what a test wants to be different.
pub struct TestAppBuilder {
    settings: BTreeMap<&'static str, String>,
    clock: Option<Clock>,
    jobs: AddJobs,
}

/// cadastro, serving, with what only our own tests want to see of it. Stopped when dropped.
pub struct TestApp(testing::TestApp);

impl Deref for TestApp {
    type Target = testing::TestApp;

    fn deref(&self) -> &testing::TestApp {
        &self.0
    }
}

impl TestApp {
    /// Serves on `database`, with a clock that stands until the test moves it.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::builder(database).start().await
    }

    pub fn builder(database: &TestDatabase) -> TestAppBuilder {
        let settings = [
            ("DATABASE_URL", database.url()),
            // As long as anybody else's, so that a test can look at them.
            ("CADASTRO_SIMPLE_TASK", "5s"),
            ("CADASTRO_PARAMETER_TASK", "10s"),
        ];
        TestAppBuilder {
            settings: settings
                .map(|(name, value)| (name, value.to_owned()))
                .into(),
            clock: None,
            jobs: Box::new(|catalogue| catalogue),
        }
    }

    /// Moves the clock in one leap, once everything that is due has begun; what falls due by then, runs.
    pub fn advance(&self, by: Duration) {
        tokio::task::block_in_place(|| {
            let handle = tokio::runtime::Handle::current();
            let begun = handle.block_on(tokio::time::timeout(PATIENCE, self.all_begun()));
            assert!(begun.is_ok(), "what is due does not begin");
        });
        self.clock.advance(by);
    }

    /// Waits until no due job could begin: there is none, all actors are busy, the queue is paused,
    /// or the database is away.
    async fn all_begun(&self) {
        let mut changes = self.scheduler.changes();
        loop {
            let answers = (self.store.job_counts().await, self.store.queues().await);
            let (Ok(counts), Ok(queues)) = answers else {
                return;
            };
            let begun = self.tree.reports().iter().all(|actor| {
                let jobs = |state| -> i64 {
                    let of = |count: &&JobCount| count.queue == actor.name && count.state == state;
                    counts.iter().filter(of).map(|count| count.jobs).sum()
                };
                let paused = |row: &QueueRow| row.name == actor.name && row.paused_at.is_some();
                jobs(State::Available) == 0
                    || jobs(State::Executing) >= actor.instances
                    || queues.iter().any(paused)
            });
            if begun {
                return;
            }
            // One that fell behind has news, too.
            let _ = changes.recv().await;
        }
    }

    /// Waits until the jobs that `find` looks up satisfy `enough`.
    pub async fn until<F>(
        &self,
        find: impl Fn(Store) -> F,
        enough: impl Fn(&[JobRow]) -> bool,
    ) -> Vec<JobRow>
    where
        F: Future<Output = Vec<JobRow>>,
    {
        let mut changes = self.scheduler.changes();
        let mut seen = Vec::new();
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                seen = find(self.store.clone()).await;
                if enough(&seen) {
                    return;
                }
                // One that fell behind has news, too.
                let _ = changes.recv().await;
            }
        });
        let in_time = waited.await.is_ok();
        assert!(in_time, "the jobs did not come that far: {seen:#?}");
        seen
    }

    /// Waits until every job of a receipt is in one of these states.
    pub async fn receipt_reaches(&self, receipt: &str, states: &[State]) -> Vec<JobRow> {
        self.until(
            |store| async move {
                let found = store.receipt(receipt).await.expect("the database answers");
                found.expect("the receipt exists").jobs
            },
            |jobs| jobs.iter().all(|job| states.contains(&job.state)),
        )
        .await
    }

    /// Waits until the job of this kind on a receipt is in this state.
    pub async fn job_reaches(&self, receipt: &str, kind: &str, state: State) -> JobRow {
        let jobs = self
            .until(
                |store| async move {
                    let found = store.receipt(receipt).await.expect("the database answers");
                    found.expect("the receipt exists").jobs
                },
                |jobs| {
                    jobs.iter()
                        .any(|job| job.kind == kind && job.state == state)
                },
            )
            .await;
        jobs.into_iter()
            .find(|job| job.kind == kind)
            .expect("the job exists")
    }

    /// Stops as SIGTERM does, and waits for the end.
    pub fn stop(self) {
        self.0.stop();
    }
}

impl TestAppBuilder {
    /// Sets a setting, by its environment name.
    pub fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.insert(name, value.into());
        self
    }

    /// Its clock stands at this instant when it starts.
    pub fn standing_at(mut self, now: Timestamp) -> Self {
        self.clock = Some(Clock::standing_at(now));
        self
    }

    /// Lives by the machine's clock.
    pub fn real_clock(mut self) -> Self {
        self.clock = Some(Clock::system());
        self
    }

    /// Knows these kinds of job as well.
    pub fn jobs(
        mut self,
        add: impl FnOnce(CatalogueBuilder) -> CatalogueBuilder + Send + 'static,
    ) -> Self {
        self.jobs = Box::new(add);
        self
    }

    pub async fn start(self) -> TestApp {
        let TestAppBuilder {
            settings,
            clock,
            jobs,
        } = self;
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<_> = settings.collect();
        let app = testing::TestApp::with(&settings, |app| match clock {
            Some(clock) => app.clock(clock).jobs(jobs),
            None => app.jobs(jobs),
        });
        TestApp(app.await)
    }
}
