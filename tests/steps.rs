//! Steps: what an attempt has done, the next does not do again.

use std::time::Duration;

use cadastro::{
    jobs::{Context, Done, JobError, Letter, Task},
    mail::Draft,
    queue::{EMAIL, Job, JobId, NewJob, Policy, State},
    store::{JobRow, Store},
};
use serde::{Deserialize, Serialize};

use crate::support::{
    app::{TestApp, TestAppBuilder},
    database::TestDatabase,
};

/// Longer than the wait after a first failure, however it is jittered.
const BACK_OFF: Duration = Duration::from_secs(7);

/// A task of two steps, whose first attempt does not come to the second.
#[derive(Deserialize, Serialize)]
struct Errand {
    meets: Trouble,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
enum Trouble {
    /// An error between the steps.
    Error,
    /// The instance dies between the steps.
    Death,
    /// The step itself fails, in its middle.
    FailedStep,
    /// Both steps have one name.
    OneName,
    /// The second attempt expects something else of the first step than it left.
    OtherTerms,
}

impl Job for Errand {
    const KIND: &'static str = "errand";
    const POLICY: Policy = Policy {
        max_attempts: 2,
        ..Policy::DEFAULT
    };
}

fn no_luck() -> JobError {
    std::io::Error::other("no luck").into()
}

impl Task for Errand {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        let first = cx.attempt() == 1;
        if let (Trouble::OtherTerms, false) = (self.meets, first) {
            cx.step("charge", async { Ok("a receipt".to_owned()) })
                .await?;
        }
        let charge = async {
            match (self.meets, first) {
                (Trouble::FailedStep, true) => Err(no_luck()),
                _ => Ok(cx.attempt()),
            }
        };
        let charged = cx.step("charge", charge).await?;
        match (self.meets, first) {
            (Trouble::Death, true) => {
                let row = cx.store().job(cx.job()).await?;
                let owner = row.and_then(|row| row.owner).unwrap_or_default();
                cx.store().leave(&owner).await?;
                std::future::pending().await
            }
            (Trouble::Error | Trouble::OtherTerms, true) => return Err(no_luck()),
            _ => {}
        }
        let name = match self.meets {
            Trouble::OneName => "charge",
            _ => "deliver",
        };
        let delivered = cx.step(name, async { Ok(cx.attempt()) }).await?;
        Ok(Done::from(format!(
            "charged by attempt {charged}, delivered by {delivered}"
        )))
    }
}

/// A letter that says which attempt has found its words.
#[derive(Deserialize, Serialize)]
struct Ode {}

impl Job for Ode {
    const KIND: &'static str = "ode";
    const QUEUE: &'static str = EMAIL;
}

impl Letter for Ode {
    async fn compose(self, cx: Context) -> Result<Draft, JobError> {
        let words = cx.step("words", async { Ok(format!("of {}", cx.attempt())) });
        let subject = words.await?;
        if cx.attempt() == 1 {
            return Err(no_luck());
        }
        Ok(Draft {
            to: "maria@example.com".to_owned(),
            text: subject.clone(),
            html: subject.clone(),
            subject,
            message_id: "<ode@example.com>".to_owned(),
            date: cx.clock().now(),
        })
    }
}

fn errands(database: &TestDatabase) -> TestAppBuilder {
    TestApp::builder(database).jobs(|jobs| jobs.task::<Errand>().letter::<Ode>())
}

async fn enqueue(app: &TestApp, job: NewJob) -> JobId {
    app.scheduler.enqueue(vec![job]).await.expect("enqueued")[0].id
}

async fn reaches(app: &TestApp, job: JobId, state: State) -> JobRow {
    let find = |store: Store| async move {
        let found = store.job(job).await.expect("the database answers");
        found.into_iter().collect()
    };
    let found = app.until(find, |jobs: &[JobRow]| jobs[0].state == state);
    found.await.remove(0)
}

/// What is on record of the attempts that did not complete the job.
async fn errors(app: &TestApp, job: JobId) -> Vec<String> {
    let attempts = app.store.attempts(job).await.expect("an answer");
    attempts.into_iter().filter_map(|row| row.error).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_done_is_not_done_again_and_one_that_failed_is() {
    for database in TestDatabase::both() {
        let app = errands(&database).start().await;
        for (meets, result) in [
            (Trouble::Error, "charged by attempt 1, delivered by 2"),
            (Trouble::FailedStep, "charged by attempt 2, delivered by 2"),
        ] {
            let job = enqueue(&app, Errand { meets }.now()).await;
            reaches(&app, job, State::Retryable).await;
            app.advance(BACK_OFF);
            let done = reaches(&app, job, State::Completed).await;
            assert_eq!(done.result.as_deref(), Some(result), "{database}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_done_before_its_instance_died_is_not_done_again() {
    for database in TestDatabase::both() {
        let app = errands(&database).set("CADASTRO_LEASE", "1s").start().await;
        let meets = Trouble::Death;
        let job = enqueue(&app, Errand { meets }.now()).await;
        let done = reaches(&app, job, State::Completed).await;
        let result = "charged by attempt 1, delivered by 2";
        assert_eq!(done.result.as_deref(), Some(result), "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_retry_goes_on_after_the_steps_that_are_done() {
    for database in TestDatabase::both() {
        let app = errands(&database).start().await;
        let meets = Trouble::Error;
        let once = NewJob {
            max_attempts: 1,
            ..Errand { meets }.now()
        };
        let job = enqueue(&app, once).await;
        reaches(&app, job, State::Discarded).await;
        app.scheduler.retry(job).await.expect("an answer");
        let done = reaches(&app, job, State::Completed).await;
        let result = "charged by attempt 1, delivered by 2";
        assert_eq!(done.result.as_deref(), Some(result), "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_may_be_written_in_steps() {
    for database in TestDatabase::both() {
        let app = errands(&database).start().await;
        let job = enqueue(&app, Ode {}.now()).await;
        reaches(&app, job, State::Retryable).await;
        app.advance(BACK_OFF);
        reaches(&app, job, State::Completed).await;
        let letters = app.store.letters(9).await.expect("an answer");
        assert_eq!(letters[0].subject, "of 1", "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_contradict_themselves_end_the_job_with_the_reason() {
    for database in TestDatabase::both() {
        let app = errands(&database).start().await;
        let meets = Trouble::OneName;
        let job = enqueue(&app, Errand { meets }.now()).await;
        reaches(&app, job, State::Discarded).await;
        let said = "an attempt has two steps that are called `charge`";
        assert_eq!(errors(&app, job).await, [said], "{database}");

        let meets = Trouble::OtherTerms;
        let job = enqueue(&app, Errand { meets }.now()).await;
        reaches(&app, job, State::Retryable).await;
        app.advance(BACK_OFF);
        reaches(&app, job, State::Discarded).await;
        let said = errors(&app, job).await.remove(1);
        let why = "what the step `charge` left cannot be read: invalid type: integer `1`";
        assert!(said.starts_with(why), "{said}");
    }
}
