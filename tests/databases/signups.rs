//! A sign-up is saved whole or not at all, and whoever submits it twice gets one answer.

use std::{panic::AssertUnwindSafe, sync::Arc};

use cadastro::{
    account::{Login, UserId},
    queue::{SignupId, State},
    store::{FirstJobs, NewSignup, SignupRefusal, Store},
};
use futures_util::FutureExt;
use tokio::sync::Notify;

use super::{Subject, at, first_jobs, job, on_both, sign_up, sign_up_all, signed_up};

/// How many users, receipts and jobs there are.
pub async fn saved(subject: &Subject) -> Vec<String> {
    let counted = ["users", "signups", "jobs"]
        .map(|table| format!("SELECT CAST((SELECT count(*) FROM {table}) AS TEXT) AS line"));
    let mut raw = subject.raw().await;
    raw.lines(&counted.join(" UNION ALL ")).await
}

pub fn with_key(new: NewSignup, key: &str) -> NewSignup {
    NewSignup {
        idempotency_key: Some(key.to_owned()),
        ..new
    }
}

async fn user_of(store: &Store, username: &str) -> Option<UserId> {
    let login = Login::Username(username.to_owned());
    let found = store.credentials(&login).await.expect("an answer");
    found.map(|found| found.user.id)
}

#[tokio::test]
async fn a_sign_up_writes_the_user_the_receipt_and_the_first_jobs() {
    on_both(async |subject| {
        let store = &subject.store;
        let answer = signed_up(store, sign_up("Maria", "Maria@Example.com")).await;
        assert!(!answer.repeated);
        assert_eq!(answer.receipt, "receipt of Maria");
        let kinds: Vec<_> = answer.jobs.iter().map(|job| job.kind.as_str()).collect();
        assert_eq!(kinds, ["later", "now"]);
        assert_eq!(answer.jobs[0].state, State::Scheduled);
        assert_eq!(answer.jobs[0].run_at, at(10));
        assert_eq!(answer.jobs[1].state, State::Available);
        assert_eq!(answer.jobs[1].run_at, at(0));

        let receipt = store.receipt("receipt of Maria").await.expect("an answer");
        let receipt = receipt.expect("it was saved");
        assert_eq!(receipt.jobs, answer.jobs);
        assert_eq!(receipt.username, "Maria");
        assert!(!receipt.address_taken);
        let by_number = store.signup(receipt.signup).await.expect("an answer");
        assert_eq!(by_number.expect("the same").receipt, receipt.receipt);

        let id = user_of(store, "maria").await.expect("she has an account");
        assert_eq!(receipt.user, id);
        let user = store.user(id).await.expect("an answer").expect("the same");
        assert_eq!((user.username.as_str(), user.operator), ("Maria", false));
        assert_eq!(user.created_at, at(0));
        for job in &answer.jobs {
            assert_eq!((job.user, job.signup), (Some(id.0), Some(receipt.signup)));
            assert_eq!(job.args, format!("{{\"signup\":{}}}", receipt.signup.0));
        }
    })
    .await;
}

#[tokio::test]
async fn a_taken_username_is_refused_however_it_is_written() {
    on_both(async |subject| {
        signed_up(&subject.store, sign_up("maria", "maria@example.com")).await;
        let rival = sign_up("MARIA", "other@example.com");
        let answers = sign_up_all(&subject.store, &[rival])
            .await
            .expect("an answer");
        assert_eq!(
            answers[0].as_ref().err(),
            Some(&SignupRefusal::UsernameTaken)
        );
        assert_eq!(saved(&subject).await, ["1", "1", "2"]);
    })
    .await;
}

#[tokio::test]
async fn a_taken_address_gets_a_receipt_like_any_other_and_jobs_that_are_nobodys() {
    on_both(async |subject| {
        let store = &subject.store;
        let owner = signed_up(store, sign_up("maria", "maria@example.com")).await;
        let rival = signed_up(store, sign_up("rival", "MARIA@example.com")).await;

        assert_eq!(rival.receipt, "receipt of rival");
        assert!(!rival.repeated);
        let shape = |job: &cadastro::store::JobRow| {
            (job.kind.clone(), job.state, job.run_at, job.max_attempts)
        };
        let shapes: Vec<_> = rival.jobs.iter().map(shape).collect();
        assert_eq!(shapes, owner.jobs.iter().map(shape).collect::<Vec<_>>());
        assert!(rival.jobs.iter().all(|job| job.user.is_none()));
        assert_eq!(saved(&subject).await, ["1", "2", "4"]);
        assert_eq!(user_of(store, "rival").await, None);

        let receipt = store.receipt(&rival.receipt).await.expect("an answer");
        let receipt = receipt.expect("it was saved");
        assert!(receipt.address_taken);
        assert_eq!(receipt.username, "rival");
        assert_eq!(Some(receipt.user), user_of(store, "maria").await);
        assert!(
            rival
                .jobs
                .iter()
                .all(|job| job.signup == Some(receipt.signup))
        );
    })
    .await;
}

#[tokio::test]
async fn a_second_submit_of_the_same_form_gets_the_first_receipt_again() {
    on_both(async |subject| {
        let store = &subject.store;
        for (name, email) in [
            ("maria", "maria@example.com"),
            ("rival", "maria@example.com"),
        ] {
            let first = signed_up(store, with_key(sign_up(name, email), name)).await;
            let second = NewSignup {
                receipt: "another".to_owned(),
                ..with_key(sign_up(name, email), name)
            };
            let second = signed_up(store, second).await;
            assert!(!first.repeated && second.repeated);
            assert_eq!(second.receipt, first.receipt);
            assert_eq!(second.jobs, first.jobs);
        }
        assert_eq!(saved(&subject).await, ["1", "2", "4"]);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_comes_back_with_other_names_is_refused() {
    on_both(async |subject| {
        let store = &subject.store;
        signed_up(
            store,
            with_key(sign_up("maria", "maria@example.com"), "key"),
        )
        .await;
        for (name, email) in [
            ("joana", "maria@example.com"),
            ("maria", "joana@example.com"),
        ] {
            let reused = with_key(sign_up(name, email), "key");
            let answers = sign_up_all(store, &[reused]).await.expect("an answer");
            assert_eq!(answers[0].as_ref().err(), Some(&SignupRefusal::KeyReused));
        }
        assert_eq!(saved(&subject).await, ["1", "1", "2"]);
    })
    .await;
}

#[tokio::test]
async fn of_those_in_one_batch_who_want_the_same_the_first_gets_it() {
    on_both(async |subject| {
        let batch = [
            with_key(sign_up("maria", "maria@example.com"), "key"),
            sign_up("Maria", "second@example.com"),
            NewSignup {
                receipt: "third".to_owned(),
                ..with_key(sign_up("maria", "maria@example.com"), "key")
            },
            sign_up("fourth", "Maria@example.com"),
            sign_up("fifth", "fifth@example.com"),
        ];
        let answers = sign_up_all(&subject.store, &batch)
            .await
            .expect("an answer");
        let [first, second, third, fourth, fifth] = answers.try_into().expect("one for each");
        let first = first.expect("nothing speaks against it");
        assert_eq!(second.err(), Some(SignupRefusal::UsernameTaken));
        let third = third.expect("the first one's form");
        assert_eq!((third.receipt, third.repeated), (first.receipt, true));
        let fourth = fourth.expect("the visitor is not told");
        assert!(fourth.jobs.iter().all(|job| job.user.is_none()));
        assert!(fifth.is_ok_and(|answer| answer.jobs[0].user.is_some()));
        assert_eq!(saved(&subject).await, ["2", "3", "6"]);
    })
    .await;
}

#[tokio::test]
async fn a_sign_up_that_breaks_off_half_way_leaves_nothing() {
    on_both(async |subject| {
        let store = &subject.store;
        let batch = ["first", "second"].map(|name| sign_up(name, &format!("{name}@example.com")));
        let breaks: FirstJobs = Arc::new(|signup| match signup {
            SignupId(1) => first_jobs(signup),
            _ => panic!("in the middle of the batch"),
        });
        let broken = AssertUnwindSafe(store.sign_up(&batch, &breaks, at(0))).catch_unwind();
        broken.await.expect_err("it panics");
        assert_eq!(saved(&subject).await, ["0", "0", "0"]);
        let answers = sign_up_all(store, &batch).await.expect("an answer");
        assert!(answers.iter().all(Result::is_ok));
    })
    .await;
}

#[tokio::test]
async fn a_sign_up_that_nobody_waits_for_any_more_leaves_nothing_and_spoils_no_connection() {
    on_both(async |subject| {
        let store = &subject.store;
        // More often than there are connections.
        for _ in 0..12 {
            let half_way = Arc::new(Notify::new());
            let reached = half_way.clone();
            // So many that the sign-up cannot come to its end before it is dropped.
            let jobs: FirstJobs = Arc::new(move |_| {
                reached.notify_one();
                vec![job("now"); 3000]
            });
            let batch = [sign_up("maria", "maria@example.com")];
            tokio::select! {
                biased;
                () = half_way.notified() => {}
                _ = store.sign_up(&batch, &jobs, at(0)) => panic!("it is dropped before its end"),
            }
            assert_eq!(saved(&subject).await, ["0", "0", "0"]);
        }
        signed_up(store, sign_up("maria", "maria@example.com")).await;
        assert_eq!(saved(&subject).await, ["1", "1", "2"]);
    })
    .await;
}
