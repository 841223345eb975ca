//! An address that has an account already: its owner is told, the stranger is not.

use std::time::Duration;

use cadastro::{queue::State, text::Locale};
use serde_json::{Value, json};

use super::{BACK_OFF, DELAY, PASSWORD, Post, assert_reads, html, sign_up, text};
use crate::support::smtp::{Do, SmtpServer, Step};

/// cadastro, at which Maria has signed up and been welcomed.
async fn with_maria(locale: Locale) -> Post {
    let server = SmtpServer::start().await;
    let base_url = ("CADASTRO_BASE_URL", "https://cadastro.example");
    let post = Post::at(server, |app| app.set(base_url.0, base_url.1)).await;
    let receipt = sign_up(&post.app.url, "maria", "maria@example.com", locale).await;
    post.app.advance(DELAY);
    post.all_done(&receipt).await;
    post
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_in_their_own_language_and_not_in_the_strangers_words() {
    for (owner, stranger, subject) in [
        (Locale::PtBr, Locale::En, "Este e-mail já tem uma conta"),
        (
            Locale::En,
            Locale::PtBr,
            "This e-mail already has an account",
        ),
    ] {
        let post = with_maria(owner).await;
        let receipt = sign_up(&post.app.url, "Impostor_99", "MARIA@Example.com", stranger).await;
        post.app.advance(DELAY);
        post.all_done(&receipt).await;

        let letters = post.server.seen().letters;
        assert_eq!(letters.len(), 2);
        let letter = &letters[1];
        // To the address as its owner wrote it.
        assert_eq!(letter.to, ["maria@example.com"]);
        assert_eq!(letter.read().subject(), Some(subject));
        let source = String::from_utf8_lossy(&letter.bytes);
        for part in [text(letter), html(letter), source.into_owned()] {
            assert!(!part.to_lowercase().contains("impostor"), "{part}");
            assert!(!part.contains("MARIA@"), "{part}");
            assert!(!part.contains(&receipt), "{part}");
        }
        assert_reads(letter, "address_taken", owner);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_second_account_comes_of_it_and_the_first_is_as_it_was() {
    let post = with_maria(Locale::PtBr).await;
    let receipt = sign_up(&post.app.url, "impostor", "maria@example.com", Locale::En).await;
    post.app.advance(DELAY);
    post.all_done(&receipt).await;

    let users = post.app.store.users(None, 10).await.expect("users");
    assert_eq!(users.len(), 1);
    assert_eq!(
        (users[0].username.as_str(), users[0].locale),
        ("maria", Locale::PtBr)
    );
    let stranger = post
        .app
        .registrar
        .log_in("impostor", PASSWORD.into(), None)
        .await;
    stranger.expect_err("there is no such account");
    // What the stranger set in motion is not seen on the owner's page.
    let seen = post
        .app
        .store
        .jobs_of_user(users[0].id, 10)
        .await
        .expect("jobs");
    assert_eq!(seen.jobs.len(), 3);
    let owner = post
        .app
        .registrar
        .log_in("maria", PASSWORD.into(), None)
        .await;
    owner.expect("the owner's account");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strangers_receipt_is_not_to_be_told_from_a_newcomers() {
    let post = with_maria(Locale::PtBr).await;
    let newcomer = sign_up(&post.app.url, "newcomer", "new@example.com", Locale::En).await;
    let stranger = sign_up(&post.app.url, "stranger", "maria@example.com", Locale::En).await;
    let both = [(&newcomer, "newcomer"), (&stranger, "stranger")];

    for state in [None, Some(State::Completed)] {
        if let Some(state) = state {
            post.app.advance(DELAY);
            for (receipt, _) in both {
                post.app.receipt_reaches(receipt, &[state]).await;
            }
        } else {
            for (receipt, _) in both {
                for task in ["simple_task", "parameter_task"] {
                    post.app.job_reaches(receipt, task, State::Completed).await;
                }
            }
        }
        let [newcomers, strangers] = [
            status(&post, &newcomer).await,
            status(&post, &stranger).await,
        ];
        assert_eq!(newcomers, strangers);
    }
    let results = async |receipt: &str| -> Vec<_> {
        let jobs = post.all_done(receipt).await;
        jobs.into_iter().map(|job| job.result).collect()
    };
    for (receipt, name) in both {
        let about = format!("Task with a parameter completed! For the user {name}");
        let expected = [None, Some("Simple task completed!".to_owned()), Some(about)];
        assert_eq!(results(receipt).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_to_the_owner_that_is_refused_fails_as_a_welcome_does() {
    let post = with_maria(Locale::PtBr).await;
    post.server
        .always(Step::Rcpt, Do::Reply("550 5.1.1 No such user"));
    let newcomer = sign_up(&post.app.url, "newcomer", "new@example.com", Locale::En).await;
    let stranger = sign_up(&post.app.url, "stranger", "maria@example.com", Locale::En).await;
    // For whom no letter of their own is tried.
    let another = sign_up(&post.app.url, "another", "maria@example.com", Locale::En).await;
    for receipt in [&newcomer, &stranger, &another] {
        for task in ["simple_task", "parameter_task"] {
            post.app.job_reaches(receipt, task, State::Completed).await;
        }
    }
    post.app.advance(DELAY);
    for receipt in [&newcomer, &stranger, &another] {
        let ends = [State::Completed, State::Discarded];
        post.app.receipt_reaches(receipt, &ends).await;
    }
    let newcomers = status(&post, &newcomer).await;
    assert_eq!(status(&post, &stranger).await, newcomers);
    assert_eq!(status(&post, &another).await, newcomers);
    assert_eq!(newcomers["jobs"][0]["state"], "discarded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_once_a_day_however_often_somebody_tries() {
    let post = with_maria(Locale::PtBr).await;
    let told = || {
        let letters = post.server.seen().letters.into_iter();
        letters
            .filter(|letter| letter.to == ["maria@example.com"])
            .count()
            - 1
    };
    let day = 24 * Duration::from_secs(3600);
    for (wait, letters) in [
        (Duration::ZERO, 1),
        (day - 2 * DELAY, 1),
        (DELAY, 2),
        (DELAY, 2),
    ] {
        post.app.advance(wait);
        let now = post.app.now().as_second();
        let mut receipts = vec![post.sign_up(&format!("newcomer{now}")).await];
        for n in 0..4 {
            let (name, email) = (format!("stranger{n}_{now}"), "maria@example.com");
            receipts.push(sign_up(&post.app.url, &name, email, Locale::PtBr).await);
        }
        for receipt in &receipts {
            for task in ["simple_task", "parameter_task"] {
                post.app.job_reaches(receipt, task, State::Completed).await;
            }
        }
        post.app.advance(DELAY);
        for receipt in &receipts {
            post.all_done(receipt).await;
            assert_eq!(
                status(&post, receipt).await,
                status(&post, &receipts[0]).await
            );
        }
        assert_eq!(told(), letters, "after {wait:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_another_stands_for_fares_as_a_newcomers_does() {
    let mut post = with_maria(Locale::PtBr).await;
    let earlier = sign_up(&post.app.url, "earlier", "maria@example.com", Locale::En).await;
    post.app.advance(DELAY);
    post.all_done(&earlier).await;

    // It would have left at once, were there a server.
    post.server.stop().await;
    let newcomer = sign_up(&post.app.url, "newcomer", "new@example.com", Locale::En).await;
    let stranger = sign_up(&post.app.url, "stranger", "maria@example.com", Locale::En).await;
    post.app.advance(DELAY);
    let [theirs, as_theirs] = [
        post.letter_is(&newcomer, State::Retryable).await,
        post.letter_is(&stranger, State::Retryable).await,
    ];
    assert_eq!(theirs.attempt, as_theirs.attempt);
    post.server.start_again().await;
    post.app.advance(BACK_OFF);
    for receipt in [&newcomer, &stranger] {
        post.all_done(receipt).await;
    }
    assert_eq!(post.server.seen().letters.len(), 3);
}

/// What a program can read of a receipt, without what is different for each.
async fn status(post: &Post, receipt: &str) -> Value {
    let answer = reqwest::get(format!("{}/api/v1/signups/{receipt}", post.app.url)).await;
    let mut status: Value = answer.expect("an answer").json().await.expect("JSON");
    for key in ["receipt", "status_url"] {
        assert!(
            status[key]
                .as_str()
                .is_some_and(|text| text.ends_with(receipt))
        );
        status[key] = json!(null);
    }
    for job in status["jobs"].as_array_mut().expect("jobs") {
        assert!(job["id"].is_i64());
        job["id"] = json!(null);
    }
    status
}
