//! A job that kills its process every time: it is given up in the end, and nobody else is until then.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use cadastro::{
    queue::{JobId, State, TASK},
    store::{AttemptRow, JobRow},
};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    judge::Found,
    stage::{Stage, answered, get, post},
    support::{database::TestDatabase, program::Program},
};

/// How long a test waits for what only asking can show.
const PATIENCE: Duration = Duration::from_secs(60);

/// The last death finds the attempts spent.
const ATTEMPTS: i32 = 5;

/// What the job does to its process, and by which signal that ends. Where the machine is out of memory the
/// kernel kills; where the process may not have more it aborts.
const DEATHS: [(&str, i32); 4] = [("abort", 6), ("overflow", 6), ("exhaust", 6), ("kill", 9)];

/// A stage with the job on it, and some others that were enqueued beside it.
struct Poisoned {
    stage: Stage,
    fail: String,
    signal: i32,
    job: JobId,
}

impl Poisoned {
    async fn on(database: TestDatabase, (death, signal): (&str, i32)) -> Self {
        // Seen if the test fails.
        println!("{death} on {database}");
        let stage = Stage::on(database).await;
        let program = stage.start(&[]);
        let poison = json!({"kind": "parameter_task", "args": {"parameter": "poison"}, "max_attempts": ATTEMPTS});
        let poison = post(&program, "jobs", &poison).await.expect("an answer");
        for _ in 0..5 {
            let beside = post(&program, "jobs", &json!({"kind": "simple_task"})).await;
            beside.expect("an answer");
        }
        assert_eq!(program.terminate().code(), Some(0));
        Poisoned {
            stage,
            fail: format!("handler.after_start(poison)={death}"),
            signal,
            job: JobId(poison["id"].as_i64().expect("a number")),
        }
    }

    fn start(&self) -> Program {
        self.stage.start(&[("FAIL_POINTS", &self.fail)])
    }

    /// A life that ends with the job's next attempt, perhaps before it is ready to answer anybody.
    async fn short_life(&self) {
        self.stage.resume(TASK).await;
        let settings = [("FAIL_POINTS", self.fail.as_str())];
        self.died(self.stage.start_in_vain(&settings).await);
    }

    /// An operator does not want to wait for the next attempt.
    async fn next_attempt(&self, program: Program) {
        self.stage.say(&format!("jobs retry {}", self.job.0));
        post(&program, "queues/task/resume", &json!({})).await;
        self.died(program.ended().await.0);
    }

    fn died(&self, died: ExitStatus) {
        assert_eq!(died.signal(), Some(self.signal), "{died:?}");
    }

    async fn job(&self) -> JobRow {
        let job = answered(|| self.stage.store.job(self.job)).await;
        job.expect("a job never vanishes")
    }

    /// Waits until a new life has taken the job up.
    async fn comes_to(&self, state: State, program: &Program) {
        let path = format!("jobs/{}", self.job.0);
        let taken_up = timeout(PATIENCE, async {
            while get(program, &path).await["state"] != state.word() {}
        });
        taken_up.await.expect("the job is taken up");
    }

    async fn attempts(&self) -> Vec<AttemptRow> {
        answered(|| self.stage.store.attempts(self.job)).await
    }

    /// The next attempt is due so many seconds after the last one, give or take the jitter.
    async fn waits_for_about(&self, seconds: f64) {
        let ended = self.attempts().await.pop().expect("an attempt").finished_at;
        let wait = self.job().await.run_at.duration_since(ended).as_secs_f64();
        let nominal = 0.75 * seconds..=1.25 * seconds;
        assert!(nominal.contains(&wait), "{wait} is not about {seconds}");
    }

    async fn is_given_up(&self) {
        let job = self.job().await;
        assert_eq!((job.attempt, job.max_attempts), (ATTEMPTS, ATTEMPTS));
        let attempts = self.attempts().await;
        let outcomes: Vec<_> = attempts.iter().map(|a| a.outcome.as_str()).collect();
        let rescued = "rescued";
        assert_eq!(outcomes, [rescued, rescued, rescued, rescued, "discarded"]);
        let reason = attempts[4].error.as_deref().unwrap_or_default();
        assert!(reason.starts_with("crashed: "), "{reason}");
    }

    /// Some of those beside it met more than one of its crashes, and have to wait a little as well.
    async fn others_are_done(&self) {
        let waiting = async || {
            let counts = answered(|| self.stage.store.job_counts()).await;
            let waiting = counts.iter().filter(|count| !count.state.is_final());
            waiting.map(|count| count.jobs).sum::<i64>()
        };
        let done = timeout(PATIENCE, async { while waiting().await > 0 {} });
        done.await.expect("the others complete");
        let given_up = "(SELECT count(*) FROM jobs WHERE state <> 'completed')";
        assert_eq!(self.stage.count(given_up).await, 1, "this one alone");
    }
}

// A program that starts keeps its thread waiting, and the time limits of the store need one that is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_job_that_kills_its_process_is_discarded_in_the_end_and_others_complete_meanwhile() {
    for death in DEATHS {
        let both = TestDatabase::both().map(|database| tokio::spawn(play(database, death)));
        for played in join_all(both).await {
            played.expect("all is as it should be");
        }
    }
}

async fn play(database: TestDatabase, death: (&str, i32)) {
    let mut poisoned = Poisoned::on(database, death).await;
    // Any job may meet one crash: it is due again at once.
    poisoned.short_life().await;
    poisoned.short_life().await;

    // A job that meets crash upon crash may be their cause: its waits grow.
    for seconds in [5.0, 10.0] {
        poisoned.stage.pause(TASK).await;
        let program = poisoned.start();
        poisoned.comes_to(State::Retryable, &program).await;
        poisoned.waits_for_about(seconds).await;
        poisoned.next_attempt(program).await;
    }

    // Meanwhile the process lives, and the jobs of others complete.
    poisoned.stage.resume_all().await;
    let program = poisoned.start();
    poisoned.comes_to(State::Retryable, &program).await;
    poisoned.waits_for_about(20.0).await;
    poisoned.stage.sign_up(&program).await;
    poisoned.stage.all_done(&program).await;
    assert_eq!(poisoned.job().await.state, State::Retryable);
    poisoned.next_attempt(program).await;

    let program = poisoned.start();
    poisoned.comes_to(State::Discarded, &program).await;
    poisoned.is_given_up().await;
    poisoned.others_are_done().await;
    let found = Found::of(&poisoned.stage).await;
    assert_eq!((found.lost, found.finished_twice), (0, 0), "{found:?}");
    assert_eq!(program.terminate().code(), Some(0));
}
