//! Users, their sessions, and how often somebody may try.

use std::time::Duration;

use cadastro::{
    account::{Login, UserId},
    queue::{NewJob, Rate, State},
    store::{NewSession, NewToken, Store, StoreError},
};

use super::{at, job, on_both, seconds, sign_up, signed_up, user};

async fn operator(store: &Store, name: &str) -> UserId {
    let new = user(name, &format!("{name}@example.com"));
    let made = store.create_operator(&new, at(0)).await;
    made.expect("nothing speaks against it")
}

/// Begins a session that lasts until `until`.
async fn log_in(store: &Store, user: UserId, hash: &str, replaced: Option<&str>, until: i64) {
    let jobs = [job("at_log_in").of_user(user.0)];
    let token = |kind: &str| NewToken {
        hash: format!("{kind}{hash}"),
        replaced: replaced.map(|replaced| format!("{kind}{replaced}")),
        expires_at: at(until),
    };
    let new = NewSession {
        user,
        session: token(""),
        browser: token("browser of "),
        charged: None,
        renewed: None,
    };
    let begun = store.log_in(&new, &jobs, at(0)).await;
    begun.expect("an answer");
}

async fn who(store: &Store, hash: &str, now: i64) -> Option<UserId> {
    let session = store.session(hash, at(now)).await.expect("an answer");
    session.map(|session| session.user.id)
}

async fn kinds(store: &Store, user: UserId) -> Vec<String> {
    let seen = store.jobs_of_user(user, 10).await.expect("an answer");
    seen.jobs.into_iter().map(|job| job.kind).collect()
}

#[tokio::test]
async fn a_session_lasts_until_it_expires_and_begins_with_its_jobs() {
    on_both(async |subject| {
        let store = &subject.store;
        let maria = operator(store, "maria").await;
        log_in(store, maria, "hash", None, 100).await;
        assert_eq!(who(store, "hash", 99).await, Some(maria));
        assert_eq!(who(store, "hash", 100).await, None);
        assert_eq!(who(store, "other", 0).await, None);
        assert_eq!(kinds(store, maria).await, ["at_log_in"]);
    })
    .await;
}

#[tokio::test]
async fn a_log_in_ends_the_browsers_former_session_and_forgets_the_expired() {
    on_both(async |subject| {
        let store = &subject.store;
        let maria = operator(store, "maria").await;
        log_in(store, maria, "elsewhere", None, 100).await;
        log_in(store, maria, "former", None, 100).await;
        log_in(store, maria, "expired", None, 0).await;
        log_in(store, maria, "new", Some("former"), 100).await;
        assert_eq!(who(store, "former", 1).await, None);
        assert_eq!(who(store, "new", 1).await, Some(maria));
        assert_eq!(who(store, "elsewhere", 1).await, Some(maria));
        let mut raw = subject.raw().await;
        let kept = raw
            .lines("SELECT token_hash AS line FROM sessions ORDER BY 1")
            .await;
        assert_eq!(kept, ["elsewhere", "new"]);
    })
    .await;
}

#[tokio::test]
async fn a_log_out_ends_the_session_and_starts_its_jobs_once() {
    on_both(async |subject| {
        let store = &subject.store;
        let maria = operator(store, "maria").await;
        log_in(store, maria, "hash", None, 100).await;
        let jobs = [job("at_log_out").of_user(maria.0)];
        assert!(
            store
                .log_out("hash", &jobs, at(1))
                .await
                .expect("an answer")
        );
        assert!(
            !store
                .log_out("hash", &jobs, at(1))
                .await
                .expect("an answer")
        );
        assert_eq!(who(store, "hash", 1).await, None);
        assert_eq!(kinds(store, maria).await, ["at_log_out", "at_log_in"]);
    })
    .await;
}

#[tokio::test]
async fn a_user_is_found_by_name_and_by_address() {
    on_both(async |subject| {
        let store = &subject.store;
        let maria = operator(store, "maria").await;
        for typed in ["MARIA", "Maria@Example.com"] {
            let login = Login::parse(typed).expect("somebody");
            let found = store.credentials(&login).await.expect("an answer");
            let found = found.expect("she has an account");
            assert_eq!(found.user.id, maria);
            assert!(found.user.operator);
            assert_eq!(found.password_hash, "$argon2id$");
        }
        for typed in ["joana", "joana@example.com"] {
            let login = Login::parse(typed).expect("somebody");
            assert!(
                store
                    .credentials(&login)
                    .await
                    .expect("an answer")
                    .is_none()
            );
        }
        assert_eq!(store.user(UserId(4711)).await.expect("an answer"), None);
    })
    .await;
}

#[tokio::test]
async fn users_are_listed_page_by_page_the_newest_first() {
    on_both(async |subject| {
        let store = &subject.store;
        for name in ["ana", "bia", "caio"] {
            operator(store, name).await;
        }
        let page = async |cursor| {
            let users = store.users(cursor, 2).await.expect("an answer");
            let names: Vec<_> = users.iter().map(|user| user.username.clone()).collect();
            (names, users.last().map(|user| user.id))
        };
        let (names, last) = page(None).await;
        assert_eq!(names, ["caio", "bia"]);
        let (names, last) = page(last).await;
        assert_eq!(names, ["ana"]);
        let (names, _) = page(last).await;
        assert_eq!(names, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn an_operator_with_a_taken_name_or_address_is_refused() {
    on_both(async |subject| {
        let store = &subject.store;
        signed_up(store, sign_up("maria", "maria@example.com")).await;
        for new in [
            user("Maria", "other@example.com"),
            user("other", "Maria@example.com"),
        ] {
            let refused = store.create_operator(&new, at(0)).await;
            assert!(
                matches!(refused, Err(StoreError::Conflict(_))),
                "{refused:?}"
            );
        }
        operator(store, "other").await;
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_of_its_user_alone() {
    on_both(async |subject| {
        let store = &subject.store;
        let (maria, joana) = (
            operator(store, "maria").await,
            operator(store, "joana").await,
        );
        log_in(store, maria, "one", None, 100).await;
        log_in(store, maria, "two", None, 100).await;
        log_in(store, joana, "hers", None, 100).await;
        let set = store.set_password(maria, "$new$").await;
        set.expect("an answer");
        assert_eq!(who(store, "one", 1).await, None);
        assert_eq!(who(store, "two", 1).await, None);
        assert_eq!(who(store, "hers", 1).await, Some(joana));
        let login = Login::Username("maria".to_owned());
        let found = store.credentials(&login).await.expect("an answer");
        assert_eq!(found.expect("she has an account").password_hash, "$new$");
    })
    .await;
}

#[tokio::test]
async fn the_jobs_of_a_user_who_is_forgotten_stay_without_a_name() {
    on_both(async |subject| {
        let store = &subject.store;
        let answer = signed_up(store, sign_up("maria", "maria@example.com")).await;
        let maria = UserId(answer.jobs[0].user.expect("hers"));
        log_in(store, maria, "hash", None, 100).await;
        let deleted = async || store.delete_user(maria, at(1)).await.expect("an answer");
        assert!(deleted().await);
        assert!(!deleted().await);
        assert_eq!(store.user(maria).await.expect("an answer"), None);
        assert_eq!(who(store, "hash", 1).await, None);
        let receipt = store.receipt(&answer.receipt).await.expect("an answer");
        assert!(receipt.is_none());
        for row in answer.jobs {
            let row = super::found(store, &row).await;
            assert_eq!((row.user, row.signup), (None, None));
            assert_ne!(row.state, State::Cancelled);
        }
    })
    .await;
}

const RATE: Rate = Rate {
    burst: 10,
    period: Duration::from_secs(100),
};

#[tokio::test]
async fn a_burst_is_let_in_the_next_waits_and_everybody_is_counted_alone() {
    on_both(async |subject| {
        let store = &subject.store;
        let charge = async |who: &str, now| {
            let charged = store.charge(who, RATE, at(now)).await;
            charged.expect("an answer")
        };
        for _ in 0..RATE.burst {
            assert_eq!(charge("maria", 0).await, Ok(()));
        }
        assert_eq!(charge("maria", 0).await, Err(seconds(10)));
        assert_eq!(charge("joana", 0).await, Ok(()));
        assert_eq!(charge("maria", 9).await, Err(seconds(1)));
        assert_eq!(charge("maria", 10).await, Ok(()));
        assert_eq!(charge("maria", 10).await, Err(seconds(10)));
    })
    .await;
}

#[tokio::test]
async fn tries_that_come_at_once_are_counted_each() {
    on_both(async |subject| {
        let stores = [subject.another_store(), subject.another_store()];
        let mut tries = tokio::task::JoinSet::new();
        for turn in 0..40 {
            let store = stores[turn % 2].clone();
            tries.spawn(async move {
                let charged = store.charge("maria", RATE, at(0)).await;
                charged.expect("an answer")
            });
        }
        let answers = tries.join_all().await;
        let let_in = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(let_in, RATE.burst as usize);
    })
    .await;
}

#[tokio::test]
async fn visitors_who_come_back_at_once_do_not_stand_in_each_others_way() {
    on_both(async |subject| {
        let stores = [subject.another_store(), subject.another_store()];
        for round in 0..10 {
            // Long enough for everybody's former try to be forgotten.
            let now = at(1000 * round);
            let mut tries = tokio::task::JoinSet::new();
            for visitor in 0..20 {
                let store = stores[visitor % 2].clone();
                tries.spawn(async move {
                    let name = format!("visitor {visitor}");
                    store.charge(&name, RATE, now).await
                });
            }
            for answer in tries.join_all().await {
                assert_eq!(answer.expect("an answer"), Ok(()));
            }
        }
        let mut raw = subject.raw().await;
        let kept = raw.lines("SELECT subject AS line FROM throttles").await;
        assert_eq!(kept.len(), 20, "what has expired is forgotten");
    })
    .await;
}

#[tokio::test]
async fn the_jobs_of_a_user_are_listed_the_newest_first_and_nobody_elses() {
    on_both(async |subject| {
        let store = &subject.store;
        let (maria, joana) = (
            operator(store, "maria").await,
            operator(store, "joana").await,
        );
        let of = |kind: &str, user: UserId| NewJob {
            user: Some(user.0),
            ..job(kind)
        };
        let jobs = [of("a", maria), of("b", joana), job("c"), of("d", maria)];
        store.enqueue(&jobs, at(0)).await.expect("enqueued");
        assert_eq!(kinds(store, maria).await, ["d", "a"]);
        assert_eq!(kinds(store, joana).await, ["b"]);
    })
    .await;
}
