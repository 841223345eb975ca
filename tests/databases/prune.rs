//! Forgetting what ended long ago, and nothing else.

use cadastro::queue::State;

use super::{Subject, at, on_both};

/// Two jobs in each state, all of the same age, and an attempt of each; those in a final state have an end.
const OF_EACH_STATE: &str = "
    INSERT INTO jobs (kind, queue, state, priority, args, attempt, max_attempts, created_at, run_at, crashes, finished_at)
    SELECT 'a', 'task', s.state, 0, '{}', 1, 3, 0, 0, 0, CASE WHEN s.final = 1 THEN n.n END
    FROM (SELECT 'scheduled' AS state, 0 AS final UNION ALL SELECT 'available', 0 UNION ALL SELECT 'executing', 0
          UNION ALL SELECT 'retryable', 0 UNION ALL SELECT 'completed', 1 UNION ALL SELECT 'discarded', 1
          UNION ALL SELECT 'cancelled', 1) AS s,
         (SELECT 1 AS n UNION ALL SELECT 2) AS n;
    INSERT INTO attempts (job_id, attempt, owner, started_at, finished_at, outcome)
    SELECT id, 1, '', 0, 0, 'retried' FROM jobs";

/// How many jobs there are of each state, and how many attempts.
async fn left(subject: &Subject) -> String {
    let sql = "SELECT state || ' ' || count(*) AS line FROM jobs GROUP BY state ORDER BY state";
    let mut raw = subject.raw().await;
    let jobs = raw.lines(sql).await.join(", ");
    let attempts = raw
        .lines("SELECT CAST(count(*) AS TEXT) AS line FROM attempts")
        .await;
    format!("{jobs}; {}", attempts[0])
}

#[tokio::test]
async fn what_has_not_ended_is_never_forgotten_however_old_it_is() {
    on_both(async |subject| {
        subject.raw().await.run(OF_EACH_STATE).await;
        for state in State::ALL {
            let forgotten = subject.store.prune(state, at(0), 100).await;
            let expected = if state.is_final() { 2 } else { 0 };
            assert_eq!(forgotten.expect("an answer"), expected, "{state}");
        }
        assert_eq!(
            left(&subject).await,
            "available 2, executing 2, retryable 2, scheduled 2; 8"
        );
    })
    .await;
}

#[tokio::test]
async fn the_oldest_ends_are_forgotten_first_and_no_more_at_once_than_asked_for() {
    on_both(async |subject| {
        subject.raw().await.run(OF_EACH_STATE).await;
        let prune = async |before| {
            let before = jiff::Timestamp::from_microsecond(before).expect("an instant");
            let forgotten = subject.store.prune(State::Completed, before, 1).await;
            let ends =
                "SELECT CAST(finished_at AS TEXT) AS line FROM jobs WHERE state = 'completed'";
            let left = subject.raw().await.lines(ends).await;
            (forgotten.expect("an answer"), left.join(" "))
        };
        assert_eq!(prune(1).await, (0, "1 2".to_owned()));
        assert_eq!(prune(9).await, (1, "2".to_owned()));
        assert_eq!(prune(9).await, (1, String::new()));
        assert_eq!(prune(9).await, (0, String::new()));
    })
    .await;
}
