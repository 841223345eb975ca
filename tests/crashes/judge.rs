//! What is found on a stage: in the middle, and once everything should be done.

use std::time::Duration;

use cadastro::{
    queue::{EMAIL, State},
    store::{IN_DOUBT, JobRow},
};
use jiff::Timestamp;

use crate::{
    stage::{Stage, answered, get},
    support::program::Program,
    witness,
};

/// What was found once everything should be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Sign-ups that were answered with success and are not there with all of their jobs, completed.
    pub lost: usize,
    pub finished_twice: usize,
    pub letters_twice: usize,
    /// Sign-ups that were there after the death, whole, though nobody had been told.
    pub unanswered: usize,
    /// Attempts that a death interrupted.
    pub interrupted: usize,
    /// From the next start until the last of these was taken up.
    pub taken_up: Duration,
}

/// Whoever is there is there with everything, and everybody is who was answered; and whatever executes is
/// somebody's. How many are there.
pub async fn whole(stage: &Stage) -> i64 {
    let signups = stage.count("(SELECT count(*) FROM signups)").await;
    assert_eq!(stage.count("(SELECT count(*) FROM users)").await, signups);
    let jobs = "(SELECT count(*) FROM jobs WHERE signup_id IS NOT NULL)";
    assert_eq!(stage.count(jobs).await, 3 * signups);
    for receipt in stage.receipts() {
        let there = format!("(SELECT count(*) FROM signups WHERE receipt = '{receipt}')");
        assert_eq!(stage.count(&there).await, 1);
    }
    let nobodys = "(SELECT count(*) FROM jobs WHERE state = 'executing' AND owner IS NULL)";
    assert_eq!(stage.count(nobodys).await, 0);
    signups
}

/// Whoever got a letter twice is told that this may be so, and so are operators.
pub async fn doubts_are_shown(stage: &Stage, program: &Program) {
    for person in &stage.people {
        if copies(stage, person.name) < 2 {
            continue;
        }
        let receipt = person.receipt.as_deref().expect("everybody was answered");
        let page = reqwest::Client::new()
            .get(format!("{}/signup/{receipt}", program.url))
            .header("accept-language", "en")
            .send();
        let page = page.await.expect("an answer").text().await.expect("a page");
        assert!(
            page.contains("This message may have arrived twice"),
            "{page}"
        );
        let jobs = person.jobs(stage).await;
        let letter = jobs
            .iter()
            .find(|job| job.queue == EMAIL)
            .expect("a letter");
        let shown = get(program, &format!("jobs/{}", letter.id.0)).await;
        let error = shown["attempts"][0]["error"].as_str().unwrap_or_default();
        assert!(error.starts_with(IN_DOUBT), "{shown}");
    }
}

impl Found {
    /// Judges the end of everything, once everybody was answered.
    ///
    /// # Panics
    ///
    /// When somebody has not exactly one account, an attempt was claimed or started twice or is missing in
    /// the record, or somebody got no letter, or letters under two Message-IDs.
    pub async fn of(stage: &Stage) -> Self {
        whole(stage).await;
        let accounts = stage.count("(SELECT count(*) FROM users)").await;
        assert_eq!(accounts, stage.people.len() as i64, "one account each");
        let executing = "(SELECT count(*) FROM jobs WHERE state = 'executing')";
        assert_eq!(stage.count(executing).await, 0, "all is done");
        let mut found = Found::default();
        for person in &stage.people {
            let jobs = person.jobs(stage).await;
            let done = jobs.iter().filter(|job| job.state == State::Completed);
            found.lost += usize::from(done.count() != 3);
            for job in &jobs {
                let attempts = answered(|| stage.store.attempts(job.id)).await;
                let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.attempt).collect();
                assert_eq!(numbers, (1..job.attempt).collect::<Vec<_>>(), "{job:?}");
            }
            found.letters_twice += usize::from(copies(stage, person.name) > 1);
        }
        let mut raw = stage.raw().await;
        found.finished_twice = witness::finished_twice(&mut raw).await.len();
        assert_eq!(witness::claimed_twice(&mut raw).await, [""; 0]);
        assert_eq!(witness::started_twice(&stage.passed()), [""; 0]);
        found
    }

    /// Takes in what one death interrupted, and when the process that runs now has taken it up.
    ///
    /// # Panics
    ///
    /// When an attempt was not taken up at once.
    pub async fn take_in_the_death(&mut self, stage: &Stage) {
        let started = stage.count("(SELECT started_at FROM instances)").await;
        let started = Timestamp::from_microsecond(started).expect("an instant");
        for person in &stage.people {
            for job in person.jobs(stage).await {
                self.take_in(stage, &job, started).await;
            }
        }
    }

    async fn take_in(&mut self, stage: &Stage, job: &JobRow, started: Timestamp) {
        let attempts = answered(|| stage.store.attempts(job.id)).await;
        assert!(attempts.len() <= 1, "one death, and {attempts:?}");
        for interrupted in attempts {
            assert_eq!(interrupted.outcome, "rescued", "{job:?}");
            self.interrupted += 1;
            let again = job.started_at.expect("it was started again");
            let after = Duration::try_from(again.duration_since(started));
            self.taken_up = self.taken_up.max(after.expect("after the next start"));
        }
    }
}

/// How often somebody's letter arrived, under one Message-ID.
fn copies(stage: &Stage, name: &str) -> usize {
    let to = [format!("{name}@example.com")];
    let letters = stage.post.seen().letters;
    let letters: Vec<_> = letters.iter().filter(|letter| letter.to == to).collect();
    let ids = letters
        .iter()
        .map(|letter| letter.read().message_id().map(str::to_owned));
    let mut ids: Vec<_> = ids.collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{name}: {ids:?}");
    letters.len()
}
