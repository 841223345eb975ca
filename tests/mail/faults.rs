//! A mail server that hangs up or goes away: what was lost with the line, and what was not.

use std::time::Duration;

use cadastro::mail::{MailError, Patience};

use super::{attempt, letter, mailer};
use crate::support::smtp::{Do, SmtpServer, Step};

#[tokio::test]
async fn a_server_that_hangs_up_leaves_the_outcome_open_only_after_the_whole_letter() {
    for step in [
        Step::Greeting,
        Step::Ehlo,
        Step::Mail,
        Step::Rcpt,
        Step::Data,
        Step::Letter,
    ] {
        let server = SmtpServer::start().await;
        server.once(step, Do::Close);
        let mailer = mailer(&server);
        let error = attempt(&mailer).await.expect_err("hung up");
        assert!(
            matches!(error, MailError::Unreachable { .. }),
            "{step:?}: {error:?}"
        );
        assert_eq!(
            error.outcome_unknown(),
            step == Step::Letter,
            "{step:?}: {error}"
        );
        // A new connection that breaks is no old one: nobody has tried again behind our back.
        assert_eq!(server.seen().connections, 1);
        attempt(&mailer).await.expect("accepted later");
    }
}

#[tokio::test]
async fn a_second_hand_over_after_a_lost_answer_is_the_same_letter() {
    let server = SmtpServer::start().await;
    server.once(Step::Letter, Do::Close);
    let mailer = mailer(&server);
    attempt(&mailer).await.expect_err("the answer is lost");
    attempt(&mailer).await.expect("accepted");
    let letters = server.letters(2).await;
    assert_eq!(letters[0].bytes, letters[1].bytes);
}

#[tokio::test]
async fn a_letter_given_up_never_lends_its_answers_to_the_next() {
    let server = SmtpServer::start().await;
    server.once(Step::Letter, Do::Hang);
    let mailer = mailer(&server);
    let mut connection = mailer.connect().await.expect("a connection");
    let first = letter(&mailer, 1);
    tokio::select! {
        _ = connection.send(&first) => panic!("nobody has answered"),
        () = server.reached(Step::Letter, 1) => {}
    }
    server.once(Step::Letter, Do::Reply("554 5.7.1 Not wanted"));
    let error = connection
        .send(&letter(&mailer, 2))
        .await
        .expect_err("refused");
    assert_eq!(error.code(), Some(554));
    connection
        .send(&letter(&mailer, 3))
        .await
        .expect("accepted");
    assert_eq!(server.letter(1).await.connection, 2);
}

#[tokio::test]
async fn an_answer_out_of_turn_is_no_success() {
    for (step, reply) in [
        (Step::Data, "250 ok"),
        (Step::Letter, "354 go"),
        (Step::Mail, "354 go"),
    ] {
        let server = SmtpServer::start().await;
        server.once(step, Do::Reply(reply));
        let error = attempt(&mailer(&server)).await.expect_err("out of turn");
        assert!(
            matches!(error, MailError::Unreachable { .. }),
            "{step:?}: {error:?}"
        );
        assert_eq!(error.outcome_unknown(), step == Step::Letter);
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_found_again_once_it_is_back() {
    let mut server = SmtpServer::start().await;
    server.stop().await;
    let mailer = mailer(&server);
    let mut connection = mailer.connection().expect("a connection");
    let error = connection
        .send(&letter(&mailer, 1))
        .await
        .expect_err("nobody there");
    assert!(
        matches!(
            error,
            MailError::Unreachable {
                outcome_unknown: false,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("localhost port "), "{error}");
    server.start_again().await;
    connection
        .send(&letter(&mailer, 1))
        .await
        .expect("accepted");
    server.letter(1).await;
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_replaced_without_a_word() {
    let mut server = SmtpServer::start().await;
    let mailer = mailer(&server);
    let mut connection = mailer.connect().await.expect("a connection");
    server.stop().await;
    server.start_again().await;
    connection
        .send(&letter(&mailer, 1))
        .await
        .expect("accepted");
    server.stop().await;
    server.start_again().await;
    connection
        .send(&letter(&mailer, 2))
        .await
        .expect("accepted");

    server.once(Step::Mail, Do::ReplyAndClose("421 4.4.2 Idle for too long"));
    connection
        .send(&letter(&mailer, 3))
        .await
        .expect("accepted");
    assert_eq!(server.letter(3).await.connection, 4);

    // It need not wait until it is asked.
    server.say("421 4.4.2 Idle for too long").await;
    connection
        .send(&letter(&mailer, 4))
        .await
        .expect("accepted");
    assert_eq!(server.letter(4).await.connection, 5);
}

#[tokio::test]
async fn a_connection_that_has_rested_for_too_long_is_not_used_again() {
    let server = SmtpServer::start().await;
    let patience = Patience {
        rest: Duration::ZERO,
        ..Patience::default()
    };
    let mailer = mailer(&server).with_patience(patience);
    let mut connection = mailer.connection().expect("a connection");
    for job in 1..=2 {
        connection
            .send(&letter(&mailer, job))
            .await
            .expect("accepted");
    }
    assert_eq!(server.letter(2).await.connection, 2);
}

#[tokio::test]
async fn a_421_ends_the_connection_even_if_the_server_does_not() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    let mut connection = mailer.connect().await.expect("a connection");
    for (n, step) in [Step::Rcpt, Step::Data, Step::Letter]
        .into_iter()
        .enumerate()
    {
        server.once(step, Do::Reply("421 4.3.2 Shutting down"));
        let first = letter(&mailer, 1);
        let error = connection.send(&first).await.expect_err("put off");
        assert_eq!(error.code(), Some(421), "{step:?}");
        connection.send(&first).await.expect("accepted");
        assert_eq!(server.letter(n + 1).await.connection, n + 2, "{step:?}");
    }
}

#[tokio::test]
async fn a_server_can_refuse_one_recipient_and_later_nobody() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    server.always(Step::Data, Do::Reply("451 4.3.0 Disk full"));
    for _ in 1..=2 {
        let error = attempt(&mailer).await.expect_err("put off");
        assert_eq!(error.code(), Some(451));
    }
    server.accept_everything();
    server.when(Step::Rcpt, "<eva@", Do::Reply("550 5.1.1 No such user"));
    attempt(&mailer).await.expect("accepted for another");
    server.connection(3).await;
}
