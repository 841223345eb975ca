//! A mail server that puts off, refuses, hangs up or is away: the sign-up stands, and the letter is tried again or given up.

use std::time::Duration;

use cadastro::queue::{Policy, State};

use super::{BACK_OFF, DELAY, PASSWORD, Post};
use crate::support::smtp::{Do, SmtpServer, Step};

/// A mail server that wants a log-in, which is one step more to fail at.
async fn server() -> SmtpServer {
    let builder = SmtpServer::builder().log_in("cadastro", "s3nha", "PLAIN LOGIN");
    builder.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_put_off_at_any_step_leaves_later() {
    let mut post = Post::at(server().await, |app| app).await;
    let now = "takes no letters now";
    let later = "asks to try again later";
    let steps = [
        (Step::Greeting, now),
        (Step::Ehlo, now),
        (Step::Auth, now),
        (Step::Mail, later),
        (Step::Rcpt, later),
        (Step::Data, later),
        (Step::Letter, later),
    ];
    for (n, (step, said)) in steps.into_iter().enumerate() {
        post.hang_up().await;
        post.server
            .once(step, Do::Reply("451 4.3.0 Come back later"));
        let receipt = post.sign_up(&format!("visitor-{n}")).await;
        post.app.advance(DELAY);
        let put_off = post.letter_is(&receipt, State::Retryable).await;
        let attempts = post.attempts(&put_off).await;
        assert_eq!(attempts.len(), 1, "{step:?}");
        assert_eq!(attempts[0].outcome, "retried");
        let said = format!("error: the mail server {said}: 451 4.3.0 Come back later");
        assert_eq!(attempts[0].error.as_ref(), Some(&said), "{step:?}");
        assert_eq!(post.server.seen().letters.len(), n, "{step:?}");

        post.app.advance(BACK_OFF);
        post.all_done(&receipt).await;
        let letter = post.server.letter(n + 1).await;
        assert_eq!(letter.to, [format!("visitor-{n}@example.com")]);
    }
    let counted = [("accepted".into(), 7), ("temporary".into(), 7)];
    assert_eq!(post.counted(), counted.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_is_given_up_with_the_servers_words_on_record() {
    let post = Post::start().await;
    let refusals = [
        (Step::Mail, "553 5.1.8 Whoever you are"),
        (Step::Rcpt, "550 5.1.1 No such user"),
        (Step::Data, "554 5.7.1 Not wanted"),
        (Step::Letter, "552 5.3.4 Too long"),
    ];
    for (n, (step, reply)) in refusals.into_iter().enumerate() {
        post.server.once(step, Do::Reply(reply));
        let name = format!("visitor-{n}");
        let receipt = post.sign_up(&name).await;
        post.app.advance(DELAY);
        let given_up = post.letter_is(&receipt, State::Discarded).await;
        assert_eq!(given_up.attempt, 1, "{step:?}");
        let attempts = post.attempts(&given_up).await;
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].outcome, "discarded");
        let said = format!("the mail server refused the letter: {reply}");
        assert_eq!(attempts[0].error.as_ref(), Some(&said));

        // The visitor is told that it failed, not what the server said; everything else stands.
        let page = reqwest::get(format!("{}/signup/{receipt}", post.app.url)).await;
        let page = page.expect("an answer").text().await.expect("a page");
        assert!(page.contains("Não foi possível concluir."), "{page}");
        assert!(!page.contains(&reply[4..]), "{page}");
        for task in ["simple_task", "parameter_task"] {
            post.app.job_reaches(&receipt, task, State::Completed).await;
        }
        let logged_in = post
            .app
            .registrar
            .log_in(&name, PASSWORD.into(), None)
            .await;
        logged_in.expect("the account is there");
    }
    assert!(post.server.seen().letters.is_empty());
    assert_eq!(post.counted(), [("permanent".into(), 4)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_letter_leaves_once_an_operator_says_again() {
    let post = Post::start().await;
    post.server
        .once(Step::Rcpt, Do::Reply("550 5.1.1 No such user"));
    let receipt = post.sign_up("maria").await;
    post.app.advance(DELAY);
    let given_up = post.letter_is(&receipt, State::Discarded).await;
    let again = post.app.scheduler.retry(given_up.id).await;
    assert!(again.expect("an answer").is_some());
    let sent = post.all_done(&receipt).await;
    assert_eq!(sent[0].attempt, 2);
    post.server.letter(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_us_rather_than_the_letter_is_tried_again() {
    let mut post = Post::at(server().await, |app| app).await;
    let refusals = [
        (Step::Greeting, "554 5.7.1 No service for you"),
        (Step::Ehlo, "550 5.7.1 What a name"),
        (Step::Auth, "535 5.7.8 Wrong user or password"),
    ];
    for (n, (step, reply)) in refusals.into_iter().enumerate() {
        post.hang_up().await;
        post.server.once(step, Do::Reply(reply));
        let receipt = post.sign_up(&format!("visitor-{n}")).await;
        post.app.advance(DELAY);
        let failed = post.letter_is(&receipt, State::Retryable).await;
        let error = post.error(&failed).await;
        assert!(
            error.contains("need an operator") && error.contains(reply),
            "{error}"
        );
        // An operator has mended it.
        post.app.advance(BACK_OFF);
        post.all_done(&receipt).await;
        post.server.letter(n + 1).await;
    }
    let counted = [("accepted".into(), 3), ("temporary".into(), 3)];
    assert_eq!(post.counted(), counted.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_waits_for_a_server_that_is_away() {
    let mut post = Post::start().await;
    post.server.stop().await;
    let receipt = post.sign_up("maria").await;
    post.app.advance(DELAY);
    let first = post.letter_is(&receipt, State::Retryable).await;
    let error = post.error(&first).await;
    assert!(
        error.contains("was not reached: localhost port "),
        "{error}"
    );
    for task in ["simple_task", "parameter_task"] {
        post.app.job_reaches(&receipt, task, State::Completed).await;
    }

    post.server.start_again().await;
    post.app.advance(BACK_OFF);
    post.all_done(&receipt).await;
    post.server.letter(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_receipt_was_never_confirmed_is_sent_again_under_the_same_message_id() {
    let post = Post::start().await;
    post.server.once(Step::Letter, Do::Close);
    let receipt = post.sign_up("maria").await;
    post.app.advance(DELAY);
    let unsure = post.letter_is(&receipt, State::Retryable).await;
    let error = post.error(&unsure).await;
    assert!(error.contains("it closed the connection"), "{error}");

    post.app.advance(BACK_OFF);
    post.all_done(&receipt).await;
    let letters = post.server.letters(2).await;
    let [first, second] = [0, 1].map(|n| letters[n].read());
    assert!(first.message_id().is_some());
    assert_eq!(first.message_id(), second.message_id());
    assert_eq!(first.subject(), second.subject());
    assert_eq!(first.body_text(0), second.body_text(0));
    assert_eq!(first.body_html(0), second.body_html(0));
    let counted = [("accepted".into(), 1), ("temporary".into(), 1)];
    assert_eq!(post.counted(), counted.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_put_off_every_time_is_given_up_after_its_last_attempt() {
    let post = Post::start().await;
    post.server
        .always(Step::Rcpt, Do::Reply("450 4.2.2 Mailbox full"));
    let receipt = post.sign_up("maria").await;
    post.app.advance(DELAY);
    let longest_wait = Policy::DEFAULT.longest_wait.mul_f64(1.25);
    let last = Policy::DEFAULT.max_attempts;
    for attempt in 1..last {
        post.server.reached(Step::Rcpt, attempt as usize).await;
        post.letter_is(&receipt, State::Retryable).await;
        post.app.advance(longest_wait + Duration::from_secs(1));
    }
    let given_up = post.letter_is(&receipt, State::Discarded).await;
    assert_eq!(given_up.attempt, last);
    let attempts = post.attempts(&given_up).await;
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.attempt).collect();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    let (end, before) = attempts.split_last().expect("attempts");
    assert!(before.iter().all(|attempt| attempt.outcome == "retried"));
    assert_eq!(end.outcome, "discarded");
    let error = end.error.as_deref().unwrap_or_default();
    assert!(error.ends_with("450 4.2.2 Mailbox full"), "{error}");
    assert_eq!(post.counted(), [("temporary".into(), 20)].into());
    // All on one connection: a server that says no has not hung up.
    assert_eq!(post.server.seen().connections, 1);
}
