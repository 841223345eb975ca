use std::{future::pending, io};

use futures_util::FutureExt;
use tokio::{runtime::Handle, sync::oneshot};

use super::*;

async fn attempt<T: Send + 'static>(
    work: BoxFuture<'static, Result<T, JobError>>,
    begun: Timestamp,
    limit: Duration,
    clock: &Clock,
    stop: &Stop,
) -> Result<T, Outcome> {
    let spawner = Spawner::new(Handle::current());
    Bounds::new(&spawner, clock, begun, limit, stop)
        .run(work)
        .await
}

const LIMIT: Duration = Duration::from_secs(60);

fn clock() -> Clock {
    Clock::standing_at(Timestamp::UNIX_EPOCH)
}

async fn made(
    work: impl Future<Output = Result<i32, JobError>> + Send + 'static,
) -> Result<i32, Outcome> {
    let (clock, stop) = (clock(), Stop::default());
    attempt(work.boxed(), clock.now(), LIMIT, &clock, &stop).await
}

/// What a failed attempt is recorded with.
async fn recorded(
    work: impl Future<Output = Result<i32, JobError>> + Send + 'static,
) -> (Fault, String) {
    match made(work).await {
        Err(Outcome::Failed { fault, error, .. }) => (fault, error),
        other => panic!("not a failure: {other:?}"),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the report could not be written")]
struct Unwritten(#[source] io::Error);

#[actix::test]
async fn a_job_that_ends_well_gives_what_it_made() {
    assert_eq!(made(async { Ok(7) }).await, Ok(7));
}

#[actix::test]
async fn an_error_is_recorded_with_all_its_causes_on_one_line() {
    let work = async {
        let cause = io::Error::other("disk full:\n  no space left");
        Err(Unwritten(cause).into())
    };
    let said = "error: the report could not be written: disk full: no space left";
    assert_eq!(recorded(work).await, (Fault::Error, said.to_owned()));
}

#[actix::test]
async fn a_panic_is_recorded_with_its_message() {
    let recorded = recorded(async { panic!("at the {}nd step", 2) }).await;
    assert_eq!(
        recorded,
        (Fault::Panic, "panic: at the 2nd step".to_owned())
    );
}

#[actix::test]
async fn what_a_job_says_outright_is_taken_at_its_word() {
    let of = async |error| made(async { Err(error) }).await.expect_err("an error");
    let reason = "gone".to_owned();
    let cancelled = of(JobError::cancel("gone")).await;
    assert_eq!(cancelled, Outcome::Cancelled { reason });
    let error = "550".to_owned();
    let hopeless = of(JobError::hopeless("550")).await;
    assert_eq!(hopeless, Outcome::Hopeless { error });
    let done = of(JobError::DoneAlready).await;
    assert_eq!(done, Outcome::Completed { result: None });
    let delay = Duration::from_secs(5);
    let snoozed = of(JobError::Snooze(delay)).await;
    assert_eq!(snoozed, Outcome::Snoozed { delay });
}

/// A job that never ends, and a signal of its end.
fn endless() -> (
    BoxFuture<'static, Result<i32, JobError>>,
    oneshot::Receiver<()>,
) {
    let (job, ended) = oneshot::channel::<()>();
    let work = async move {
        let _job = job;
        pending().await
    };
    (work.boxed(), ended)
}

#[actix::test]
async fn a_job_that_is_at_work_for_too_long_is_ended() {
    let (clock, stop) = (clock(), Stop::default());
    let (work, ended) = endless();
    let attempt = attempt(work, clock.now(), LIMIT, &clock, &stop);
    tokio::pin!(attempt);
    clock.advance(LIMIT - Duration::from_micros(1));
    assert!(attempt.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_micros(1));
    let outcome = attempt.await.expect_err("it took too long");
    assert_eq!(restart_after(&outcome), Some(Fall::JobTimeout));
    let said = "timeout: still at work after 60s".to_owned();
    assert_eq!(
        outcome,
        failed(Fault::Timeout, "still at work after 60s".to_owned())
    );
    assert!(matches!(outcome, Outcome::Failed { error, .. } if error == said));
    ended.await.expect_err("its code is gone");
}

#[actix::test]
async fn the_time_that_an_attempt_waited_for_its_actor_counts() {
    let (clock, stop) = (clock(), Stop::default());
    let begun = clock.now();
    clock.advance(LIMIT);
    let (work, ended) = endless();
    let outcome = attempt(work, begun, LIMIT, &clock, &stop).await;
    assert!(matches!(
        outcome,
        Err(Outcome::Failed {
            fault: Fault::Timeout,
            ..
        })
    ));
    ended.await.expect_err("its code is gone");
}

#[actix::test]
async fn a_cancelled_job_is_ended() {
    let (clock, stop) = (clock(), Stop::default());
    let (work, ended) = endless();
    stop.at_once();
    let outcome = attempt(work, clock.now(), LIMIT, &clock, &stop).await;
    let outcome = outcome.expect_err("it was cancelled");
    assert!(matches!(outcome, Outcome::Cancelled { .. }));
    assert_eq!(restart_after(&outcome), None);
    ended.await.expect_err("its code is gone");
}

#[actix::test]
async fn a_job_that_was_asked_to_stop_is_ended_once_its_grace_is_over() {
    let (clock, stop) = (clock(), Stop::default());
    let (work, ended) = endless();
    let attempt = attempt(work, clock.now(), LIMIT, &clock, &stop);
    tokio::pin!(attempt);
    stop.ask(&clock);
    assert!(stop.token().is_cancelled());
    clock.advance(GRACE - Duration::from_micros(1));
    assert!(attempt.as_mut().now_or_never().is_none());
    stop.ask(&clock);
    clock.advance(Duration::from_micros(1));
    let outcome = attempt.await.expect_err("it did not stop");
    assert!(matches!(outcome, Outcome::Cancelled { .. }));
    ended.await.expect_err("its code is gone");
}

#[actix::test]
async fn an_attempt_that_nobody_awaits_any_more_ends_its_job() {
    let (clock, stop) = (clock(), Stop::default());
    let (work, ended) = endless();
    let attempt = attempt(work, clock.now(), LIMIT, &clock, &stop);
    assert!(attempt.now_or_never().is_none());
    ended.await.expect_err("its code is gone");
}
