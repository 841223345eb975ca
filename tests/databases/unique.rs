//! Of jobs with one key only one is there, in whatever order and from whatever process they come.

use std::collections::BTreeSet;

use cadastro::{
    account::UserId,
    queue::{Due, Ending, NewJob, State, States, TASK, Unique, Verdict, Wins},
    store::{Enqueued, JobRow, Store},
};
use serde_json::json;

use super::{
    at,
    attempts::{settled, verdict},
    enqueued, enter, found, job, on_both, seconds, state_of,
};

async fn enqueue(store: &Store, new: &[NewJob]) -> Vec<Enqueued> {
    store.enqueue(new, at(0)).await.expect("enqueued")
}

/// What becomes of one job that is enqueued alone.
async fn enqueue_one(store: &Store, new: NewJob) -> Enqueued {
    enqueue(store, &[new]).await.remove(0)
}

fn with_key(key: &str) -> NewJob {
    job("a").unique(Unique::by_key(key))
}

/// Brings a job that is available into this state.
async fn bring(store: &Store, row: &JobRow, state: State) {
    if state == State::Available {
        return;
    }
    let claim = store.claim(TASK, &[&row.kind], 1, "here", at(1)).await;
    let claimed = claim.expect("claimed").jobs.remove(0);
    assert_eq!(claimed.id, row.id);
    if state == State::Executing {
        return;
    }
    let put = Verdict {
        state,
        run_at: (!state.is_final()).then(|| at(50)),
        ..verdict()
    };
    let answers = store.settle(&[settled(&claimed, put)]).await;
    assert_eq!(answers.expect("an answer"), [true]);
}

#[tokio::test]
async fn a_job_is_enqueued_once_and_the_second_caller_gets_the_first_ones_row() {
    on_both(async |subject| {
        let store = &subject.store;
        let first = enqueue_one(store, with_key("x")).await;
        assert!(first.is_new());
        assert_eq!(first.unique_key.as_deref(), Some("a:x"));
        let second = enqueue_one(store, with_key("x")).await;
        assert_eq!(second, Enqueued::Existing(first.clone().into_row()));
        // Another key, another kind, no key.
        assert!(enqueue_one(store, with_key("y")).await.is_new());
        let other = NewJob {
            kind: "b".to_owned(),
            ..with_key("x")
        };
        assert!(enqueue_one(store, other).await.is_new());
        assert!(enqueue_one(store, job("a")).await.is_new());
        assert!(enqueue_one(store, job("a")).await.is_new());
    })
    .await;
}

#[tokio::test]
async fn arguments_and_periods_tell_jobs_apart() {
    on_both(async |subject| {
        let store = &subject.store;
        let about = |args, unique: Unique| NewJob {
            args,
            ..job("a").unique(unique)
        };
        let one = json!({"user": 1, "text": "ação"});
        assert!(
            enqueue_one(store, about(one.clone(), Unique::by_args()))
                .await
                .is_new()
        );
        assert!(
            !enqueue_one(store, about(one.clone(), Unique::by_args()))
                .await
                .is_new()
        );
        let two = json!({"user": 2, "text": "ação"});
        assert!(
            enqueue_one(store, about(two, Unique::by_args()))
                .await
                .is_new()
        );

        let hourly = || about(one.clone(), Unique::by_key("x").per(seconds(3600)));
        // `at(0)` is the beginning of an hour.
        for (now, is_new) in [(0, true), (3599, false), (3600, true), (3700, false)] {
            let rows = store.enqueue(&[hourly()], at(now)).await.expect("enqueued");
            assert_eq!(rows[0].is_new(), is_new, "{now}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_held_in_the_states_that_were_asked_for_and_no_other() {
    let sets = [
        States::UNFINISHED,
        States::WAITING,
        States::of(&[State::Executing, State::Completed]),
        States::of(&[State::Discarded, State::Cancelled]),
        States::ALL,
    ];
    on_both(async |subject| {
        let store = &subject.store;
        for (number, states) in sets.into_iter().enumerate() {
            for state in State::ALL {
                let new = || {
                    let unique = Unique::by_key("x").while_in(states);
                    job(&format!("{state}_{number}")).unique(unique)
                };
                let first = enqueue_one(store, new()).await;
                bring(store, &first, state).await;
                // On its way it has left them before.
                let lost = state != State::Available && !states.has(State::Executing);
                let held = states.and(States::WAITING).has(state) && !lost;
                let key = found(store, &first).await.unique_key;
                assert_eq!(key.is_some(), held, "{state} {states:?}");
                let second = enqueue_one(store, new()).await;
                assert_eq!(second.is_new(), !held, "{state} {states:?}");
                assert_eq!(second.id == first.id, held, "{state} {states:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_job_that_has_lost_its_key_moves_on_beside_the_one_that_holds_it_now() {
    on_both(async |subject| {
        let store = &subject.store;
        let first = enqueue_one(store, with_key("x")).await;
        bring(store, &first, State::Discarded).await;
        let second = enqueue_one(store, with_key("x")).await;
        assert!(second.is_new());
        let again = store.retry(first.id, at(2)).await.expect("an answer");
        assert_eq!(again.expect("it was discarded").unique_key, None);
        // Both run, fail, wait and are cancelled, and neither is in the other's way.
        let both = store.claim(TASK, &["a"], 9, "here", at(3)).await;
        let both = both.expect("claimed").jobs;
        assert_eq!(both.len(), 2);
        let fails = |row: &JobRow| {
            settled(
                row,
                Verdict {
                    state: State::Retryable,
                    run_at: Some(at(50)),
                    ending: Ending::Retried,
                    ..verdict()
                },
            )
        };
        let ends: Vec<_> = both.iter().map(fails).collect();
        assert_eq!(store.settle(&ends).await.expect("an answer"), [true, true]);
        assert!(!enqueue_one(store, with_key("x")).await.is_new());
        for row in [&first, &second] {
            let cancelled = store.cancel(row.id, at(60)).await.expect("an answer");
            assert_eq!(cancelled.expect("it waits").unique_key, None);
        }
        assert!(enqueue_one(store, with_key("x")).await.is_new());
    })
    .await;
}

#[tokio::test]
async fn until_it_has_started_one_waits_and_then_another_may() {
    on_both(async |subject| {
        let store = &subject.store;
        let new = || job("a").unique(Unique::by_key("x").until_started());
        let first = enqueue_one(store, new()).await;
        bring(store, &first, State::Executing).await;
        let second = enqueue_one(store, new()).await;
        assert!(second.is_new());
        assert!(!enqueue_one(store, new()).await.is_new());
        // The first is due again, and has no claim to the key any more.
        let back = Verdict {
            state: State::Available,
            run_at: Some(at(5)),
            free: true,
            ending: Ending::HandedBack,
            ..verdict()
        };
        let first = found(store, &first).await;
        let answers = store.settle(&[settled(&first, back)]).await;
        assert_eq!(answers.expect("an answer"), [true]);
        assert_eq!(state_of(store, &first).await, State::Available);
        assert_eq!(enqueue_one(store, new()).await.id, second.id);
    })
    .await;
}

#[tokio::test]
async fn the_newer_job_replaces_or_reschedules_the_one_that_waits_and_leaves_one_that_runs() {
    on_both(async |subject| {
        let store = &subject.store;
        let new = |wins, n: i32| NewJob {
            args: json!({ "n": n }),
            priority: n,
            max_attempts: 10 + n,
            due: Due::At(at(i64::from(n))),
            ..job("a").unique(Unique::by_key("x").wins(wins))
        };
        let first = enqueue_one(store, new(Wins::Keep, 100)).await;
        assert_eq!(first.state, State::Scheduled);
        let kept = enqueue_one(store, new(Wins::Keep, 200)).await;
        assert_eq!(kept, Enqueued::Existing(first.clone().into_row()));

        let later = enqueue_one(store, new(Wins::Reschedule, 300)).await;
        let expected = JobRow {
            run_at: at(300),
            ..first.clone().into_row()
        };
        assert_eq!(later, Enqueued::Existing(expected));

        let replaced = enqueue_one(store, new(Wins::Replace, 0)).await;
        assert!(!replaced.is_new());
        assert_eq!(replaced.id, first.id);
        assert_eq!(replaced.args, r#"{"n":0}"#);
        assert_eq!((replaced.priority, replaced.max_attempts), (0, 10));
        assert_eq!((replaced.state, replaced.run_at), (State::Available, at(0)));

        bring(store, &replaced, State::Executing).await;
        let running = found(store, &replaced).await;
        for wins in [Wins::Replace, Wins::Reschedule] {
            let left = enqueue_one(store, new(wins, 400)).await;
            assert_eq!(left, Enqueued::Existing(running.clone()));
        }
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_replaced_waits_where_the_new_one_would() {
    on_both(async |subject| {
        let store = &subject.store;
        let new = |queue: &str, key: Option<&str>| NewJob {
            queue: queue.to_owned(),
            limit_key: key.map(str::to_owned),
            ..with_key("x")
        };
        let replacing = |queue, key| NewJob {
            unique: Some(Unique::by_key("x").wins(Wins::Replace)),
            ..new(queue, key)
        };
        let first = enqueue_one(store, new("task", Some("17"))).await;
        for (queue, key) in [("reports", Some("18")), ("other", None)] {
            let replaced = enqueue_one(store, replacing(queue, key)).await;
            assert_eq!(replaced.id, first.id);
            assert_eq!(
                (&*replaced.queue, replaced.limit_key.as_deref()),
                (queue, key)
            );
        }
        let kept = enqueue_one(store, new("task", Some("17"))).await;
        assert_eq!((&*kept.queue, &kept.limit_key), ("other", &None));
    })
    .await;
}

#[tokio::test]
async fn within_one_batch_the_rules_are_the_same_and_the_answers_keep_their_order() {
    on_both(async |subject| {
        let store = &subject.store;
        let there = enqueue_one(store, with_key("there")).await;
        let replacing = |n: i32| NewJob {
            args: json!({ "n": n }),
            ..job("r").unique(Unique::by_key("z").wins(Wins::Replace))
        };
        let batch = [
            with_key("y"),
            job("plain1"),
            replacing(1),
            with_key("there"),
            with_key("x"),
            replacing(2),
            job("plain2"),
            with_key("y"),
            replacing(3),
        ];
        let rows = enqueue(store, &batch).await;
        let news: Vec<_> = rows.iter().map(Enqueued::is_new).collect();
        let expected = [true, true, true, false, true, false, true, false, false];
        assert_eq!(news, expected);
        for (row, asked) in rows.iter().zip(&batch) {
            assert_eq!(row.kind, asked.kind);
        }
        assert_eq!(rows[3].id, there.id);
        assert_eq!(rows[0].id, rows[7].id);
        assert_eq!(rows[2].id, rows[8].id);
        // The last of the three won, and every answer shows how the row stands.
        assert!([2, 5, 8].iter().all(|&of| rows[of].args == r#"{"n":3}"#));
        let ids: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), 6);
    })
    .await;
}

#[tokio::test]
async fn of_two_processes_that_enqueue_the_same_jobs_at_once_each_job_is_made_by_one() {
    on_both(async |subject| {
        let (one, other) = (&subject.store, subject.another_store());
        for round in 0..20 {
            let keys: Vec<_> = (0..10).map(|n| format!("{round}/{n}")).collect();
            let ours: Vec<_> = keys.iter().map(|key| with_key(key)).collect();
            // The other way round, so that they meet crosswise.
            let theirs: Vec<_> = ours.iter().rev().cloned().collect();
            let (ours, theirs) = tokio::join!(enqueue(one, &ours), enqueue(&other, &theirs));
            for (our, their) in ours.iter().zip(theirs.iter().rev()) {
                assert_eq!(our.id, their.id);
                assert!(our.is_new() != their.is_new(), "{our:?} {their:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_taken_by_one_of_those_who_race_for_it_while_its_holder_ends() {
    on_both(async |subject| {
        let (one, other) = (&subject.store, subject.another_store());
        enqueue_one(one, with_key("x")).await;
        for _ in 0..20 {
            let running = one.claim(TASK, &["a"], 9, "here", at(1)).await;
            let running = running.expect("claimed").jobs;
            assert_eq!(running.len(), 1);
            let ends = [settled(&running[0], verdict())];
            let (ended, ours, theirs) = tokio::join!(
                one.settle(&ends),
                enqueue_one(&other, with_key("x")),
                enqueue_one(one, with_key("x")),
            );
            assert_eq!(ended.expect("an answer"), [true]);
            assert!(!(ours.is_new() && theirs.is_new()));
            // Whoever came before the end met the one that ran.
            let last = enqueue_one(one, with_key("x")).await;
            assert_ne!(last.id, running[0].id);
        }
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_cancelled_with_its_user_gives_up_its_key() {
    on_both(async |subject| {
        let store = &subject.store;
        let user = store
            .create_operator(&super::user("maria", "maria@example.com"), at(0))
            .await
            .expect("created");
        let UserId(number) = user;
        enter(store, "there").await;
        let row = enqueued(store, with_key("x").of_user(number)).await;
        let claim = store.claim(TASK, &["a"], 1, "there", at(1)).await;
        assert_eq!(claim.expect("claimed").jobs.len(), 1);
        assert!(store.delete_user(user, at(2)).await.expect("deleted"));
        let row = found(store, &row).await;
        assert_eq!((row.state, row.unique_key), (State::Cancelled, None));
        assert!(enqueue_one(store, with_key("x")).await.is_new());
    })
    .await;
}
