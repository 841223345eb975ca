//! A letter that is cancelled on its way.

use std::time::Duration;

use cadastro::{
    queue::State,
    store::{JobRow, Receipt},
};

use super::{DELAY, Post};
use crate::support::smtp::{Do, SmtpServer, Step};

/// Has a letter wait for the mail server's answer at this step, cancels it there, and lets its time to stop
/// go by.
async fn cancelled_at(step: Step) -> (Post, JobRow, Receipt) {
    let post = Post::at(SmtpServer::start().await, |app| app).await;
    post.server.once(step, Do::Hang);
    let receipt = post.sign_up("maria").await;
    post.app.advance(DELAY);
    post.server.reached(step, 1).await;
    let letter = post.letter_is(&receipt, State::Executing).await;
    let asked = post.app.scheduler.cancel(letter.id).await;
    assert_eq!(
        asked.expect("an answer").expect("it executes").state,
        State::Executing
    );
    post.app.advance(Duration::from_secs(5));
    let letter = post.letter_is(&receipt, State::Cancelled).await;
    let seen = post.app.store.receipt(&receipt).await.expect("an answer");
    (post, letter, seen.expect("the receipt exists"))
}

const WHY: &str =
    "still at work 5s after it was asked to stop; cancelled by an operator at 2026-11-22T12:00:10Z";

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_cancelled_in_the_middle_of_the_conversation_is_not_sent() {
    let (post, letter, seen) = cancelled_at(Step::Rcpt).await;
    assert_eq!(post.error(&letter).await, WHY);
    assert_eq!(post.server.seen().letters.len(), 0);
    assert!(!seen.in_doubt.contains(&letter.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_cancelled_before_the_answer_to_it_is_in_doubt() {
    let (post, letter, seen) = cancelled_at(Step::Letter).await;
    let doubt = format!("the letter may have been delivered; {WHY}");
    assert_eq!(post.error(&letter).await, doubt);
    assert!(seen.in_doubt.contains(&letter.id));
}
