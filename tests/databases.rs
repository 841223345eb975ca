//! The same questions put to SQLite and to PostgreSQL: both must give the same answers.

mod accounts;
mod attempts;
mod crontab;
mod doubt;
mod faults;
mod instances;
mod kept_plans;
mod leases;
mod migrations;
mod plans;
mod prune;
mod queues;
mod reports;
mod rivals;
mod signups;
mod tries;
mod turn;
mod unique;
mod version;

use std::{sync::Arc, time::Duration};

use cadastro::{
    account::{EmailAddress, NewUser, Username},
    queue::{Due, NewJob, SignupId, State, TASK},
    store::{FirstJobs, JobRow, NewSignup, SignedUp, SignupRefusal, Store, StoreError},
    text::Locale,
};
use jiff::Timestamp;
use serde_json::json;

use crate::support::{database::TestDatabase, raw::Raw};

/// How long a test waits for an answer before it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store on a migrated database of its own.
struct Subject {
    store: Store,
    database: TestDatabase,
}

impl Subject {
    async fn on(database: TestDatabase) -> Self {
        let store = database.store();
        store.migrate().await.expect("it can be migrated");
        enter(&store, "here").await;
        Subject { store, database }
    }

    /// Another process on the same database.
    fn another_store(&self) -> Store {
        self.database.store()
    }

    /// A way round the store.
    async fn raw(&self) -> Raw {
        Raw::open(self.database.url()).await
    }

    fn is_sqlite(&self) -> bool {
        self.store.database() == "sqlite"
    }
}

/// Asks a fresh store of each kind.
async fn on_both(ask: impl AsyncFn(Subject)) {
    for database in TestDatabase::both() {
        // Seen if the test fails.
        println!("on {database}");
        ask(Subject::on(database).await).await;
    }
}

/// Asks until there is an answer. Of several that write to one file each gets in by chance, not in its turn, and may
/// be kept out for longer than the store waits.
async fn answered<T, F>(ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    let answered = tokio::time::timeout(PATIENCE, async {
        loop {
            match ask().await {
                Err(StoreError::Away(_)) => {}
                answer => return answer.expect("an answer"),
            }
        }
    });
    answered.await.expect("an answer in time")
}

/// Enters an instance; on a file in the place of any other.
async fn enter(store: &Store, id: &str) {
    store.enter(id, "", at(0)).await.expect("entered");
}

/// So many seconds after some noon.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a small number")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn user(username: &str, email: &str) -> NewUser {
    NewUser {
        username: Username::parse(username).expect("a username"),
        email: EmailAddress::parse(email).expect("an address"),
        password_hash: "$argon2id$".to_owned(),
        locale: Locale::PtBr,
    }
}

fn sign_up(username: &str, email: &str) -> NewSignup {
    NewSignup {
        user: user(username, email),
        receipt: format!("receipt of {username}"),
        idempotency_key: None,
        trace: None,
    }
}

/// What this file's sign-ups start: a job for later and one for now.
fn first_jobs(signup: SignupId) -> Vec<NewJob> {
    let about = json!({ "signup": signup });
    let later = NewJob {
        args: about.clone(),
        due: Due::After(seconds(10)),
        ..job("later")
    };
    let now = NewJob {
        args: about,
        ..job("now")
    };
    vec![later, now]
}

type Answer = Result<SignedUp, SignupRefusal>;

async fn sign_up_all(store: &Store, batch: &[NewSignup]) -> Result<Vec<Answer>, StoreError> {
    let first_jobs: FirstJobs = Arc::new(first_jobs);
    store.sign_up(batch, &first_jobs, at(0)).await
}

/// Signs one up who must be let in.
async fn signed_up(store: &Store, new: NewSignup) -> SignedUp {
    let answers = sign_up_all(store, &[new]).await.expect("an answer");
    let answer = answers.into_iter().next().expect("one for each");
    answer.expect("nothing speaks against it")
}

/// A job that is due at once.
pub(crate) fn job(kind: &str) -> NewJob {
    NewJob {
        max_attempts: 3,
        ..NewJob::of(kind, TASK)
    }
}

/// Enqueues one job at `at(0)`.
async fn enqueued(store: &Store, new: NewJob) -> JobRow {
    let rows = store.enqueue(&[new], at(0)).await.expect("enqueued");
    rows.into_iter().next().expect("one for each").into_row()
}

/// Claims the only job that is due, for `owner`, at `at(1)`.
async fn claimed(store: &Store, kind: &str, owner: &str) -> JobRow {
    let claim = store.claim(TASK, &[kind], 1, owner, at(1)).await;
    let row = claim.expect("claimed").jobs.into_iter().next();
    row.expect("one is due")
}

async fn state_of(store: &Store, job: &JobRow) -> State {
    found(store, job).await.state
}

async fn found(store: &Store, job: &JobRow) -> JobRow {
    let row = store.job(job.id).await.expect("an answer");
    row.expect("a job never vanishes")
}
