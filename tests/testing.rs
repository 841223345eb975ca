//! What a program that embeds cadastro tests its jobs with: a clock that it moves, and what happened.

use std::time::Duration;

use cadastro::{
    app::Builder,
    jobs::{Context, Done, JobError, Task},
    metrics::Metrics,
    queue::{Job, State},
    store::{JobFilter, Store},
    testing::TestApp,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;

/// Fails so often, works so long by the clock, and then enqueues the next one.
#[derive(Clone, Copy, Deserialize, Serialize)]
struct Chain {
    failures: i32,
    seconds: u64,
    links: u32,
}

const LINK: Chain = Chain {
    failures: 0,
    seconds: 0,
    links: 0,
};

impl Job for Chain {
    const KIND: &'static str = "chain";
}

impl Task for Chain {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        cx.clock().sleep(Duration::from_secs(self.seconds)).await;
        if cx.attempt() <= self.failures {
            return Err(std::io::Error::other("the other side is closed").into());
        }
        if let Some(links) = self.links.checked_sub(1) {
            let next = Chain { links, ..self };
            let next = next.after(Duration::from_secs(10));
            cx.store().enqueue(&[next], cx.clock().now()).await?;
        }
        Ok(Done::default())
    }
}

fn chains(app: Builder) -> Builder {
    app.jobs(|jobs| jobs.task::<Chain>())
}

/// On every database there is.
async fn on_all(test: impl AsyncFn(TestApp)) {
    test(TestApp::start(chains).await).await;
    for database in TestDatabase::both() {
        println!("on {database}");
        let settings = [("DATABASE_URL", database.url())];
        test(TestApp::with(&settings, chains).await).await;
    }
}

async fn states(app: &TestApp) -> Vec<State> {
    let jobs = app.enqueued::<Chain>().await;
    jobs.into_iter().map(|job| job.row.state).collect()
}

#[tokio::test]
async fn all_that_falls_due_while_the_clock_moves_happens_at_its_own_time() {
    on_all(async |app| {
        let begun = app.now();
        let chain = Chain { links: 3, ..LINK };
        app.enqueue(chain.after(Duration::from_secs(5))).await;
        app.advance(Duration::from_secs(34)).await;
        let mut jobs = app.enqueued::<Chain>().await;
        let last = jobs.pop().expect("four of them");
        assert_eq!(last.row.state, State::Scheduled);
        assert_eq!(last.args.links, 0);
        for (job, seconds) in jobs.iter().zip([5, 15, 25]) {
            assert_eq!(job.row.state, State::Completed);
            let ended = job.row.finished_at.expect("it has ended");
            assert_eq!(ended.duration_since(begun).as_secs(), seconds);
        }
        app.advance(Duration::from_secs(1)).await;
        assert_eq!(states(&app).await, [State::Completed; 4]);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_fails_is_retried_as_often_as_the_time_allows() {
    on_all(async |app| {
        let chain = Chain {
            failures: 12,
            ..LINK
        };
        let row = app.enqueue(chain.now()).await;
        app.advance(Duration::from_secs(2)).await;
        assert_eq!(states(&app).await, [State::Retryable]);
        app.advance(Duration::from_secs(2 * 24 * 3600)).await;
        assert_eq!(states(&app).await, [State::Completed]);
        let attempts = app.store.attempts(row.id).await.expect("an answer");
        assert_eq!(attempts.len(), 12);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_waits_by_the_clock_is_left_waiting() {
    on_all(async |app| {
        let chain = Chain {
            seconds: 20,
            ..LINK
        };
        app.enqueue(chain.now()).await;
        app.advance(Duration::from_secs(19)).await;
        assert_eq!(states(&app).await, [State::Executing]);
        app.advance(Duration::from_secs(1)).await;
        assert_eq!(states(&app).await, [State::Completed]);
    })
    .await;
}

#[tokio::test]
async fn one_job_can_be_run_to_the_end_of_its_first_attempt() {
    on_all(async |app| {
        let chain = Chain {
            seconds: 20,
            failures: 1,
            ..LINK
        };
        let ran = app.run(&chain).await;
        assert_eq!(ran.row.state, State::Retryable);
        let error = ran.error.expect("a reason");
        assert_eq!(error, "error: the other side is closed");
        let ran = app.run(&LINK).await;
        assert_eq!((ran.row.state, ran.error), (State::Completed, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_memory_bears_a_crowd_and_is_nobody_elses() {
    let store = Store::sqlite_in_memory(Metrics::new("test")).expect("it opens");
    let other = Store::sqlite_in_memory(Metrics::new("test")).expect("it opens");
    for store in [&store, &other] {
        store.migrate().await.expect("migrated");
    }
    let job = [LINK.now()];
    let crowd = (0..64).map(|_| async {
        let now = Timestamp::UNIX_EPOCH;
        store.enqueue(&job, now).await.expect("it is written");
        let all = JobFilter::default();
        store.jobs(&all, None, 100).await.expect("it is read");
    });
    join_all(crowd).await;
    let count = async |store: &Store| {
        let all = JobFilter::default();
        store.jobs(&all, None, 100).await.expect("an answer").len()
    };
    assert_eq!((count(&store).await, count(&other).await), (64, 0));
}
