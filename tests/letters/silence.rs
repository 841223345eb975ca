//! A mail server that takes the call and then falls silent, or takes its time with every answer.

use std::{sync::Arc, time::Duration};

use cadastro::{
    actors::ActorReport,
    mail::Patience,
    queue::{Policy, State},
    store::JobFilter,
};
use tokio::sync::Semaphore;

use super::{BACK_OFF, CALLED_BACK, DELAY, Post, STOP};
use crate::support::{
    app::TestAppBuilder,
    smtp::{Do, SmtpServer, Step},
};

fn email_actors(post: &Post) -> ActorReport {
    let mut reports = post.app.tree.reports().into_iter();
    reports
        .find(|report| report.name == "email")
        .expect("EmailActors exist")
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_at_any_step_ends_with_the_attempts_time_limit() {
    let server = SmtpServer::builder().log_in("cadastro", "s3nha", "LOGIN");
    let mut post = Post::at(server.start().await, |app| app).await;
    let steps = [
        Step::Greeting,
        Step::Ehlo,
        Step::Auth,
        Step::Mail,
        Step::Rcpt,
        Step::Data,
        Step::Letter,
    ];
    for (n, step) in steps.into_iter().enumerate() {
        post.hang_up().await;
        let before = post.server.times(step);
        post.server.once(step, Do::Hang);
        let receipt = post.sign_up(&format!("visitor-{n}")).await;
        post.app.advance(DELAY);
        post.server.reached(step, before + 1).await;
        let trying = post.letter_is(&receipt, State::Executing).await;
        assert_eq!(trying.attempt, 1, "{step:?}");

        post.app.advance(Policy::DEFAULT.time_limit);
        let failed = post.letter_is(&receipt, State::Retryable).await;
        let doubt = match step {
            Step::Letter => "the letter may have been delivered; ",
            _ => "",
        };
        let said = format!("{doubt}timeout: still at work after 60s");
        assert_eq!(post.error(&failed).await, said, "{step:?}");
        post.app.advance(BACK_OFF);
        post.all_done(&receipt).await;
        assert_eq!(post.server.seen().letters.len(), n + 1, "{step:?}");
    }
    let actors = email_actors(&post);
    assert_eq!((actors.instances, actors.restarts), (2, 7));
    assert_eq!(actors.last_restart.expect("a restart").reason, "timeout");
    let counted = [("accepted".into(), 7), ("temporary".into(), 7)];
    assert_eq!(post.counted(), counted.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_each_come_in_time_do_not_hold_a_letter_for_longer_than_its_time_limit() {
    let server = SmtpServer::builder().log_in("cadastro", "s3nha", "PLAIN");
    let one_actor = |app: TestAppBuilder| app.set("CADASTRO_EMAIL_ACTORS", "1");
    let post = Post::at(server.start().await, one_actor).await;
    let answers = Arc::new(Semaphore::new(0));
    let steps = [
        Step::Greeting,
        Step::Ehlo,
        Step::Auth,
        Step::Mail,
        Step::Rcpt,
    ];
    let receipt = post.sign_up("maria").await;
    for step in steps {
        post.server.always(step, Do::Await(answers.clone()));
    }
    post.app.advance(DELAY);
    for step in steps {
        post.server.reached(step, 1).await;
        post.letter_is(&receipt, State::Executing).await;
        post.app
            .advance(Patience::default().step - Duration::from_secs(1));
        if step != Step::Rcpt {
            answers.add_permits(1);
        }
    }
    let failed = post.letter_is(&receipt, State::Retryable).await;
    let error = post.error(&failed).await;
    assert_eq!(error, "timeout: still at work after 60s");
    assert_eq!(post.server.times(Step::Data), 0);

    // The one EmailActor is free for another letter, and then for the same again.
    post.server.accept_everything();
    let next = post.sign_up("ana").await;
    post.app.advance(DELAY);
    for receipt in [&next, &receipt] {
        post.all_done(receipt).await;
    }
    assert_eq!(post.server.seen().letters.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_in_the_middle_of_being_sent_can_be_called_back() {
    let server = SmtpServer::start().await;
    let post = Post::at(server, |app| app.set("CADASTRO_EMAIL_ACTORS", "1")).await;
    post.server.once(Step::Rcpt, Do::Hang);
    let receipt = post.sign_up("maria").await;
    post.app.advance(DELAY);
    post.server.reached(Step::Rcpt, 1).await;
    let sending = post.letter_is(&receipt, State::Executing).await;
    let told = post.app.scheduler.cancel(sending.id).await;
    assert!(told.expect("an answer").is_some());
    post.app.advance(STOP);
    let cancelled = post.letter_is(&receipt, State::Cancelled).await;
    assert_eq!(post.error(&cancelled).await, CALLED_BACK);

    // The conversation that broke off is not carried on by the next letter.
    let next = post.sign_up("ana").await;
    post.app.advance(DELAY);
    post.all_done(&next).await;
    let letters = post.server.seen().letters;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to, ["ana@example.com"]);
    assert_eq!(letters[0].connection, 2);
    assert_eq!(post.counted(), [("accepted".into(), 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_go_on_while_every_email_actor_waits_for_a_silent_server() {
    let post = Post::start().await;
    post.server.always(Step::Rcpt, Do::Hang);
    let mut receipts = Vec::new();
    for n in 0..4 {
        receipts.push(post.sign_up(&format!("visitor-{n}")).await);
    }
    post.app.advance(DELAY);
    post.server.reached(Step::Rcpt, 2).await;
    receipts.push(post.sign_up("latecomer").await);
    post.app.advance(DELAY);
    for receipt in &receipts {
        for task in ["simple_task", "parameter_task"] {
            post.app.job_reaches(receipt, task, State::Completed).await;
        }
    }
    let letters = post.app.store.job_counts().await.expect("counts");
    let letters = letters.iter().filter(|count| count.queue == "email");
    let letters: Vec<_> = letters.map(|count| (count.state, count.jobs)).collect();
    assert!(letters.contains(&(State::Executing, 2)), "{letters:?}");
    assert!(letters.contains(&(State::Available, 3)), "{letters:?}");

    // Once the server speaks again, nothing has been lost.
    post.server.accept_everything();
    post.app.advance(Duration::from_secs(60));
    let letters = JobFilter {
        queue: Some("email".to_owned()),
        ..JobFilter::default()
    };
    post.app
        .until(
            |store| {
                let letters = letters.clone();
                async move { store.jobs(&letters, None, 10).await.expect("an answer") }
            },
            |jobs| {
                jobs.iter()
                    .filter(|job| job.state == State::Retryable)
                    .count()
                    == 2
            },
        )
        .await;
    post.app.advance(BACK_OFF);
    for receipt in &receipts {
        post.all_done(receipt).await;
    }
    assert_eq!(post.server.seen().letters.len(), 5);
}
