//! What a test asks: what was enqueued, what became of it, which letters left.

use super::TestApp;
use crate::{
    account::{Application, UserId},
    jobs,
    queue::{Job, NewJob, State},
    store::{JobFilter, JobRow, NewLetter},
    text::Locale,
};

/// More jobs or letters than any test looks at.
const ALL: i64 = 1_000_000;

/// A job that was enqueued.
pub struct Enqueued<J> {
    /// Its arguments, secrets opened.
    pub args: J,
    /// Its row: when it is due, and how far it has come.
    pub row: JobRow,
}

/// What became of a job's first attempt.
#[derive(Debug)]
pub struct Ran {
    /// Its row afterwards.
    pub row: JobRow,
    /// Why it was not completed; nothing, if it was.
    pub error: Option<String>,
}

impl TestApp {
    /// Signs somebody up who reads English, as `USERNAME@example.com`.
    pub async fn user(&self, username: &str) -> UserId {
        let email = format!("{username}@example.com");
        let password = "tulipa janela quarenta";
        let application = Application::parse(username, &email, password, None, Locale::En);
        let application = application.unwrap_or_else(|errors| panic!("{errors:?}"));
        let signed_up = self.registrar.sign_up(application, None).await;
        let signed_up = signed_up.unwrap_or_else(|error| panic!("{username}: {error}"));
        let receipt = self.store.receipt(&signed_up.receipt).await;
        let receipt = receipt.expect("the database answers");
        receipt.expect("a sign-up has one").user
    }

    /// Enqueues a job. Where another holds its key, that one is answered with.
    pub async fn enqueue(&self, job: NewJob) -> JobRow {
        let rows = self.scheduler.enqueue(vec![job]).await;
        let rows = rows.unwrap_or_else(|error| panic!("it cannot be enqueued: {error}"));
        let row = rows.into_iter().next().expect("an answer for every job");
        row.into_row()
    }

    /// Enqueues a job, due at once, and waits for the end of its first attempt. The clock moves as far as the job
    /// waits by it.
    pub async fn run<J: Job>(&self, job: &J) -> Ran {
        let id = self.enqueue(job.now()).await.id;
        loop {
            self.quiet().await;
            let row = self.store.job(id).await.expect("the database answers");
            let row = row.expect("it was enqueued");
            let attempts = self.store.attempts(id).await;
            let last = attempts.expect("the database answers").pop();
            if row.state.is_final() || last.is_some() {
                let error = last.and_then(|last| last.error);
                return Ran { row, error };
            }
            let begun = row.state == State::Executing;
            assert!(begun, "{} does not begin: it is {}", row.kind, row.state);
            assert!(self.step().await, "{} never ends", row.kind);
        }
    }

    /// Every job of this kind that was ever enqueued, the oldest first.
    pub async fn enqueued<J: Job>(&self) -> Vec<Enqueued<J>> {
        let filter = JobFilter {
            kind: Some(J::KIND.to_owned()),
            ..JobFilter::default()
        };
        let rows = self.store.jobs(&filter, None, ALL).await;
        let rows = rows.expect("the database answers").into_iter().rev();
        let open = |row: JobRow| {
            let args = jobs::decode(&row, self.store.keys());
            let args = args.unwrap_or_else(|error| panic!("{error:?}"));
            Enqueued { args, row }
        };
        rows.map(open).collect()
    }

    /// Every letter that was sent, the oldest first; those of a mail server that the settings name are not here.
    pub async fn letters(&self) -> Vec<NewLetter> {
        let sent = self.store.letters(ALL).await.expect("the database answers");
        let mut letters = Vec::new();
        for line in sent.iter().rev() {
            let letter = self.store.letter(line.id).await;
            let letter = letter.expect("the database answers");
            letters.push(letter.expect("it was sent").letter);
        }
        letters
    }
}
