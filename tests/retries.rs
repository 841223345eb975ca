//! Jobs that fail, panic, hang or give up; and the actors that make their attempts.

use std::time::Duration;

use cadastro::{
    actors::ActorReport,
    jobs::{Context, Done, JobError, Task},
    queue::{Job, JobId, NewJob, Policy, State},
    store::{AttemptRow, JobRow},
};
use serde::{Deserialize, Serialize};

use crate::support::{app::TestApp, database::TestDatabase};

/// A task that makes trouble in its first attempts.
#[derive(Deserialize, Serialize)]
struct Trouble {
    how: How,
    /// How many attempts make it.
    attempts: i32,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
enum How {
    Fails,
    Panics,
    Hangs,
    GivesUp,
    Cancels,
    Snoozes,
}

impl Job for Trouble {
    const KIND: &'static str = "trouble";
    const POLICY: Policy = Policy {
        max_attempts: 3,
        time_limit: Duration::from_secs(30),
        ..Policy::DEFAULT
    };
}

impl Task for Trouble {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        if cx.attempt() > self.attempts {
            return Ok(Done::default());
        }
        match self.how {
            How::Fails => Err(std::io::Error::other("the other side is closed").into()),
            How::Panics => panic!("the job met something unexpected"),
            How::Hangs => std::future::pending().await,
            How::GivesUp => Err(JobError::hopeless("it can never be done")),
            How::Cancels => Err(JobError::cancel("nobody wants it any more")),
            How::Snoozes => Err(JobError::Snooze(Duration::from_secs(3600))),
        }
    }
}

/// cadastro with one job in trouble.
struct InTrouble {
    app: TestApp,
    job: JobId,
}

impl InTrouble {
    async fn on(database: &TestDatabase, how: How, attempts: i32) -> Self {
        let app = TestApp::builder(database)
            .jobs(|jobs| jobs.task::<Trouble>())
            .start()
            .await;
        let job = enqueue(&app, Trouble { how, attempts }.now()).await;
        InTrouble { app, job }
    }

    async fn reaches(&self, state: State) -> JobRow {
        self.comes_to(|job| job.state == state).await
    }

    async fn comes_to(&self, point: impl Fn(&JobRow) -> bool) -> JobRow {
        comes_to(&self.app, self.job, point).await
    }

    async fn attempts(&self) -> Vec<AttemptRow> {
        self.app
            .store
            .attempts(self.job)
            .await
            .expect("the database answers")
    }

    fn task_actors(&self) -> ActorReport {
        let mut reports = self.app.tree.reports().into_iter();
        reports
            .find(|report| report.name == "task")
            .expect("TaskActors exist")
    }
}

async fn enqueue(app: &TestApp, job: NewJob) -> JobId {
    app.scheduler.enqueue(vec![job]).await.expect("enqueued")[0].id
}

async fn comes_to(app: &TestApp, job: JobId, point: impl Fn(&JobRow) -> bool) -> JobRow {
    let found = app.until(
        |store| async move {
            let found = store.job(job).await.expect("the database answers");
            found.into_iter().collect()
        },
        |jobs| jobs.iter().any(&point),
    );
    found.await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_is_tried_again_later_and_its_error_is_kept() {
    for database in TestDatabase::both() {
        let trouble = InTrouble::on(&database, How::Fails, 1).await;
        let failed = trouble.reaches(State::Retryable).await;
        let wait = failed.run_at.duration_since(trouble.app.now());
        assert!((3.75..=6.25).contains(&wait.as_secs_f64()), "{wait:?}");

        trouble.app.advance(Duration::from_secs(7));
        let done = trouble.reaches(State::Completed).await;
        assert_eq!(done.attempt, 2);
        let attempts = trouble.attempts().await;
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].outcome, "retried");
        assert_eq!(
            attempts[0].error.as_deref(),
            Some("error: the other side is closed")
        );
        assert_eq!(
            trouble.task_actors().restarts,
            0,
            "an ordinary error restarts nothing"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_every_time_is_discarded_with_its_reason() {
    for database in TestDatabase::both() {
        let trouble = InTrouble::on(&database, How::Fails, 99).await;
        for attempt in 1..3 {
            trouble
                .comes_to(|job| job.state == State::Retryable && job.attempt == attempt)
                .await;
            trouble.app.advance(Duration::from_secs(60));
        }
        let discarded = trouble.reaches(State::Discarded).await;
        assert_eq!((discarded.attempt, discarded.max_attempts), (3, 3));
        assert!(discarded.finished_at.is_some());
        let outcomes: Vec<_> = trouble
            .attempts()
            .await
            .into_iter()
            .map(|a| a.outcome)
            .collect();
        assert_eq!(outcomes, ["retried", "retried", "discarded"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_panics_is_recorded_and_its_actor_begins_afresh() {
    for database in TestDatabase::both() {
        let trouble = InTrouble::on(&database, How::Panics, 1).await;
        trouble.reaches(State::Retryable).await;
        let error = trouble.attempts().await.remove(0).error.expect("an error");
        assert_eq!(error, "panic: the job met something unexpected");

        trouble.app.advance(Duration::from_secs(7));
        trouble.reaches(State::Completed).await;
        let actors = trouble.task_actors();
        assert_eq!(actors.restarts, 1);
        assert_eq!(actors.last_restart.expect("a restart").reason, "panic");
        assert_eq!((actors.instances, actors.state), (16, "running"));
        let metrics = trouble.app.metrics.render(false);
        let restarts = "cadastro_actor_restarts_total{actor=\"task\",reason=\"panic\"} 1";
        assert!(metrics.contains(restarts), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_panic_by_the_hundred_stop_neither_the_queue_nor_their_neighbours() {
    let database = TestDatabase::sqlite();
    let app = TestApp::builder(&database)
        .jobs(|jobs| jobs.task::<Trouble>())
        .start()
        .await;
    let poison = || {
        Trouble {
            how: How::Panics,
            attempts: 99,
        }
        .now()
    };
    app.scheduler
        .enqueue((0..200).map(|_| poison()).collect())
        .await
        .expect("enqueued");
    let good = enqueue(
        &app,
        Trouble {
            how: How::Fails,
            attempts: 0,
        }
        .now(),
    )
    .await;
    comes_to(&app, good, |job| job.state == State::Completed).await;
    let pauses = app.store.queues().await.expect("the database answers");
    assert_eq!(pauses, [], "a job's fault is not its actor's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_hangs_is_stopped_at_its_time_limit() {
    for database in TestDatabase::both() {
        let trouble = InTrouble::on(&database, How::Hangs, 1).await;
        trouble.reaches(State::Executing).await;
        trouble.app.advance(Duration::from_secs(31));
        trouble.reaches(State::Retryable).await;
        let error = trouble.attempts().await.remove(0).error.expect("an error");
        assert_eq!(error, "timeout: still at work after 30s");
        trouble.app.advance(Duration::from_secs(7));
        trouble.reaches(State::Completed).await;
        let last = trouble.task_actors().last_restart.expect("a restart");
        assert_eq!(last.reason, "timeout");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_can_never_be_done_is_discarded_at_once() {
    for database in TestDatabase::both() {
        let trouble = InTrouble::on(&database, How::GivesUp, 1).await;
        let discarded = trouble.reaches(State::Discarded).await;
        assert_eq!(discarded.attempt, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_nobody_wants_any_more_is_cancelled() {
    for database in TestDatabase::both() {
        let trouble = InTrouble::on(&database, How::Cancels, 1).await;
        trouble.reaches(State::Cancelled).await;
        let error = trouble.attempts().await.remove(0).error;
        assert_eq!(error.as_deref(), Some("nobody wants it any more"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_says_not_now_comes_back_without_losing_an_attempt() {
    for database in TestDatabase::both() {
        let trouble = InTrouble::on(&database, How::Snoozes, 1).await;
        let snoozed = trouble.reaches(State::Scheduled).await;
        assert_eq!((snoozed.attempt, snoozed.max_attempts), (1, 4));
        trouble.app.advance(Duration::from_secs(3600));
        trouble.reaches(State::Completed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_may_say_not_now_more_often_than_it_may_fail_and_each_time_is_on_record() {
    for database in TestDatabase::both() {
        let trouble = InTrouble::on(&database, How::Snoozes, 5).await;
        for attempt in 1..=5 {
            let snoozed = trouble
                .comes_to(|job| job.state == State::Scheduled && job.attempt == attempt)
                .await;
            assert_eq!(snoozed.max_attempts, 3 + attempt, "{database}");
            trouble.app.advance(Duration::from_secs(3600));
        }
        let done = trouble.reaches(State::Completed).await;
        assert_eq!((done.attempt, done.max_attempts), (6, 8));
        let attempts = trouble.attempts().await.into_iter();
        let outcomes: Vec<_> = attempts.map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, ["snoozed"; 5], "{database}");
        let tries = trouble.app.store.tries(trouble.job).await;
        let tries = tries.expect("an answer");
        assert_eq!((tries.charged, tries.free), (0, 5), "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_queue_starts_nothing_until_it_is_resumed() {
    for database in TestDatabase::both() {
        let app = TestApp::builder(&database)
            .jobs(|jobs| jobs.task::<Trouble>())
            .start()
            .await;
        app.scheduler.pause("task", "a test").await.expect("paused");
        let waits = enqueue(
            &app,
            Trouble {
                how: How::Fails,
                attempts: 0,
            }
            .now(),
        )
        .await;
        // Shown to be left alone by a later job of the other queue that runs.
        let signed_up = crate::delays::sign_up(&app, "maria").await;
        app.advance(Duration::from_secs(10));
        app.job_reaches(&signed_up, "welcome_email", State::Completed)
            .await;
        let waiting = app
            .store
            .job(waits)
            .await
            .expect("an answer")
            .expect("the job");
        assert_eq!(waiting.state, State::Available, "{database}");
        app.scheduler.resume("task").await.expect("resumed");
        comes_to(&app, waits, |job| job.state == State::Completed).await;
    }
}
