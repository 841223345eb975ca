//! Jobs and the caller's own rows, in one transaction: both are there, or neither is.

use cadastro::{
    actors::{EnqueueError, Enqueuing},
    on_connection,
    queue::{Job, JobId, State},
    store::{StoreError, diesel, diesel_async::RunQueryDsl},
};

use super::{Door, index};
use crate::support::{database::TestDatabase, raw::Raw};

/// Why the caller took everything back.
#[derive(Debug)]
enum Refused {
    ByTheCaller(JobId),
    ByTheDatabase(EnqueueError),
}

impl From<EnqueueError> for Refused {
    fn from(error: EnqueueError) -> Self {
        Refused::ByTheDatabase(error)
    }
}

impl From<diesel::result::Error> for Refused {
    fn from(error: diesel::result::Error) -> Self {
        Refused::ByTheDatabase(StoreError::from(error).into())
    }
}

const ORDERS: &str = "SELECT CAST(job AS TEXT) AS line FROM orders";

const KINDS: &str = "SELECT kind AS line FROM jobs";

/// Writes a row of the caller's own that names a job.
async fn order(tx: &mut Enqueuing<'_>, job: JobId) -> Result<usize, diesel::result::Error> {
    let insert = diesel::sql_query(format!("INSERT INTO orders (job) VALUES ({job})"));
    on_connection!(tx, |c| insert.execute(c).await)
}

/// A program that embeds cadastro, with a table of its own.
async fn embedded(database: &TestDatabase) -> (Door, Raw) {
    let door = Door::on(database).await;
    let mut raw = Raw::open(database.url()).await;
    raw.run("CREATE TABLE orders (job BIGINT PRIMARY KEY)")
        .await;
    (door, raw)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_and_the_callers_row_that_names_it_are_committed_together() {
    for database in TestDatabase::both() {
        let (door, mut raw) = embedded(&database).await;
        let work = async |tx: &mut Enqueuing<'_>| {
            let job = tx.enqueue(&[index("a").now()]).await?.remove(0);
            order(tx, job.id).await?;
            let again = tx.enqueue(&[index("a").now()]).await?.remove(0);
            assert!(job.is_new() && !again.is_new());
            Ok::<_, Refused>(job.id)
        };
        let job = door
            .app
            .scheduler
            .transaction(work)
            .await
            .expect("committed");
        // Nobody else has to wake the Scheduler.
        door.reaches(job.0, State::Completed).await;
        assert_eq!(raw.lines(ORDERS).await, [job.to_string()], "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_takes_back_was_never_there() {
    for database in TestDatabase::both() {
        let (door, mut raw) = embedded(&database).await;
        let work = async |tx: &mut Enqueuing<'_>| {
            let job = tx.enqueue(&[index("a").now()]).await?.remove(0);
            order(tx, job.id).await?;
            Err::<(), _>(Refused::ByTheCaller(job.id))
        };
        let refused = door.app.scheduler.transaction(work).await;
        let Err(Refused::ByTheCaller(job)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(door.app.store.job(job).await.expect("an answer"), None);
        let none: [String; 0] = [];
        assert_eq!(raw.lines(ORDERS).await, none, "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_does_not_fit_or_a_question_that_fails_takes_everything_back() {
    for database in TestDatabase::both() {
        let (door, mut raw) = embedded(&database).await;
        let unfit = async |tx: &mut Enqueuing<'_>| {
            order(tx, JobId(1)).await?;
            tx.enqueue(&[index("").now()]).await?;
            Ok::<_, Refused>(())
        };
        let refused = door.app.scheduler.transaction(unfit).await;
        let is_unfit = matches!(refused, Err(Refused::ByTheDatabase(EnqueueError::Unfit(_))));
        assert!(is_unfit, "{database}: {refused:?}");

        let twice = async |tx: &mut Enqueuing<'_>| {
            tx.enqueue(&[index("a").now()]).await?;
            order(tx, JobId(1)).await?;
            order(tx, JobId(1)).await?;
            Ok::<_, Refused>(())
        };
        let refused = door.app.scheduler.transaction(twice).await;
        assert!(refused.is_err(), "{database}");
        let none: [String; 0] = [];
        assert_eq!(raw.lines(ORDERS).await, none);
        assert_eq!(raw.lines(KINDS).await, none);
        // The connection is as good as ever.
        let job = door
            .app
            .scheduler
            .enqueue(vec![index("a").now()])
            .await
            .expect("enqueued");
        door.reaches(job[0].id.0, State::Completed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_overhears_an_error_of_postgresql_is_not_told_that_all_was_committed() {
    let database = TestDatabase::postgres();
    let (door, mut raw) = embedded(&database).await;
    let deaf = async |tx: &mut Enqueuing<'_>| {
        tx.enqueue(&[index("a").now()]).await?;
        order(tx, JobId(1)).await?;
        let _ = order(tx, JobId(1)).await;
        Ok::<_, Refused>(())
    };
    let refused = door.app.scheduler.transaction(deaf).await;
    assert!(
        matches!(refused, Err(Refused::ByTheDatabase(_))),
        "{refused:?}"
    );
    let none: [String; 0] = [];
    assert_eq!(raw.lines(KINDS).await, none);
}
