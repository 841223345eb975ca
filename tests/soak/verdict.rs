//! What must be true when it is over.

use std::{collections::HashMap, time::Duration};

use cadastro::{
    metrics::Metrics,
    queue::State,
    store::{JobCount, PoolSize, Store},
};
use tokio::time::{sleep, timeout};

use crate::support::{database::TestDatabase, smtp::SmtpServer};

/// How long the last waits between attempts may take: the fifth is some eighty seconds.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often one looks whether all is done.
const LOOK: Duration = Duration::from_secs(1);

fn open(database: &TestDatabase) -> Store {
    let metrics = Metrics::new("soak");
    match database.url().strip_prefix("sqlite://") {
        Some(path) => Store::sqlite(path.as_ref(), metrics),
        None => Store::postgres(database.url(), PoolSize::default(), metrics),
    }
    .expect("the database opens")
}

/// Waits until every job has ended, and says how many ended how.
pub async fn calm(database: &TestDatabase) -> Vec<JobCount> {
    let store = open(database);
    let mut counts = Vec::new();
    let calm = timeout(PATIENCE, async {
        loop {
            // The last storm may have left the database with some seconds to go.
            if let Ok(now) = store.job_counts().await {
                counts = now;
                if counts.iter().all(|count| count.state.is_final()) {
                    return;
                }
            }
            sleep(LOOK).await;
        }
    });
    let calmed = calm.await.is_ok();
    assert!(calmed, "some jobs never end: {counts:?}");
    counts
}

/// Everybody who was answered has an account, three completed jobs and a letter; every attempt is
/// accounted for once; whatever letter came twice came under one Message-ID.
pub async fn nothing_is_missing(
    database: &TestDatabase,
    answered: &[(String, String)],
    smtp: &SmtpServer,
) {
    let store = open(database);
    let mut letters: HashMap<String, Vec<String>> = HashMap::new();
    for letter in smtp.seen().letters {
        let id = letter.read().message_id().expect("a Message-ID").to_owned();
        letters.entry(letter.to[0].clone()).or_default().push(id);
    }
    let mut twice = 0;
    for (username, receipt) in answered {
        let found = store.receipt(receipt).await.expect("an answer");
        let found = found.unwrap_or_else(|| panic!("{username} was answered and is not there"));
        assert_eq!(found.username, *username);
        let user = store.user(found.user).await.expect("an answer");
        assert!(user.is_some_and(|user| user.username == *username));
        assert_eq!(found.jobs.len(), 3, "{username}");
        for job in found.jobs {
            assert_eq!(job.state, State::Completed, "{job:?}");
            let attempts = store.attempts(job.id).await.expect("an answer");
            let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.attempt).collect();
            let expected: Vec<_> = (1..job.attempt).collect();
            assert_eq!(numbers, expected, "of {job:?}: {attempts:?}");
        }
        let mut ids = letters
            .remove(&format!("{username}@example.com"))
            .unwrap_or_else(|| panic!("{username} has no letter"));
        twice += usize::from(ids.len() > 1);
        ids.dedup();
        assert_eq!(
            ids.len(),
            1,
            "{username} has two letters that nobody can tell for one"
        );
    }
    assert!(
        letters.is_empty(),
        "letters to nobody who signed up: {letters:?}"
    );
    println!(
        "{} letters, of which {twice} came more than once",
        answered.len()
    );
}
