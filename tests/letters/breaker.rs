//! A mail server in trouble costs one call at a time, and no letter.

use std::{collections::BTreeSet, time::Duration};

use cadastro::{
    queue::{EMAIL, Policy, State},
    store::{JobFilter, JobRow},
};
use futures_util::future::join_all;

use super::{DELAY, Post};
use crate::support::smtp::{Do, SmtpServer, Step};

/// The waits before the first probes, and beyond: by then everybody who was put off is back.
const WAITS: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
];

/// As many visitors as `n` sign up; gives their receipts.
async fn crowd(post: &Post, n: usize) -> Vec<String> {
    let names: Vec<_> = (0..n).map(|n| format!("visitor-{n}")).collect();
    join_all(names.iter().map(|name| post.sign_up(name))).await
}

/// Waits until each letter has either ended or been told to come back later.
async fn all_letters_rest(post: &Post) -> Vec<JobRow> {
    let now = post.app.now();
    let letters = JobFilter {
        queue: Some(EMAIL.to_owned()),
        ..JobFilter::default()
    };
    let find = |store: cadastro::store::Store| {
        let letters = letters.clone();
        async move { store.jobs(&letters, None, 100).await.expect("an answer") }
    };
    let rests = |job: &JobRow| job.state.is_final() || job.run_at > now;
    post.app.until(find, |jobs| jobs.iter().all(rests)).await
}

fn count(jobs: &[JobRow], state: State) -> usize {
    jobs.iter().filter(|job| job.state == state).count()
}

/// How the attempts of all these jobs ended that did not complete them.
async fn endings(post: &Post, jobs: &[JobRow], ending: &str) -> usize {
    let mut endings = 0;
    for job in jobs {
        let attempts = post.attempts(job).await;
        endings += attempts.iter().filter(|row| row.outcome == ending).count();
    }
    endings
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_letters_wait_for_a_dead_server_and_then_leave_once_each() {
    let post = Post::start().await;
    post.server.always(Step::Greeting, Do::Close);
    let receipts = crowd(&post, 50).await;
    post.app.advance(DELAY);
    let letters = all_letters_rest(&post).await;
    // Three failures open the breaker; a letter may have been under way on the other connection.
    let mut calls = post.server.seen().connections;
    assert!((3..=4).contains(&calls), "{calls}");
    assert_eq!(count(&letters, State::Retryable), calls);
    assert_eq!(count(&letters, State::Scheduled), 50 - calls);

    for wait in WAITS {
        post.app.advance(wait * 2);
        all_letters_rest(&post).await;
        calls += 1;
        assert_eq!(post.server.seen().connections, calls, "after {wait:?}");
    }
    for receipt in &receipts {
        for task in ["simple_task", "parameter_task"] {
            post.app.job_reaches(receipt, task, State::Completed).await;
        }
    }

    post.server.accept_everything();
    let mut letters = all_letters_rest(&post).await;
    while count(&letters, State::Completed) < 50 {
        assert_eq!(count(&letters, State::Discarded), 0, "{letters:#?}");
        post.app.advance(Duration::from_secs(15 * 60));
        letters = all_letters_rest(&post).await;
    }
    let sent = post.server.seen().letters;
    assert_eq!(sent.len(), 50);
    let recipients: BTreeSet<_> = sent.iter().map(|letter| letter.to.concat()).collect();
    assert_eq!(recipients.len(), 50);
    // Only calls were charged.
    assert_eq!(endings(&post, &letters, "retried").await, calls);
    let counted = [
        ("accepted".to_owned(), 50),
        ("temporary".to_owned(), calls as u32),
    ];
    assert_eq!(post.counted(), counted.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_breaker_outlives_the_actors_that_a_silent_server_makes_fall() {
    let server = SmtpServer::start().await;
    let post = Post::at(server, |app| app.set("CADASTRO_EMAIL_ACTORS", "1")).await;
    post.server.always(Step::Greeting, Do::Hang);
    let receipts = crowd(&post, 5).await;
    post.app.advance(DELAY);
    for call in 1..=3 {
        post.server.connection(call).await;
        post.app.advance(Policy::DEFAULT.time_limit);
    }
    let letters = all_letters_rest(&post).await;
    assert_eq!(post.server.seen().connections, 3);
    assert!(letters.iter().all(|job| job.attempt > 0), "{letters:#?}");

    // The actor of the probe falls like those before it, and the next letter probes.
    post.app.advance(WAITS[0] * 2);
    post.server.connection(4).await;
    post.app.advance(Policy::DEFAULT.time_limit);
    all_letters_rest(&post).await;
    let mut reports = post.app.tree.reports().into_iter();
    let email = reports.find(|report| report.name == EMAIL);
    assert_eq!(email.expect("EmailActors").restarts, 4);
    assert_eq!(post.server.seen().connections, 4);

    post.server.accept_everything();
    for _ in 0..3 {
        post.app.advance(Duration::from_secs(15 * 60));
        all_letters_rest(&post).await;
    }
    for receipt in &receipts {
        post.all_done(receipt).await;
    }
    assert_eq!(post.server.seen().letters.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_was_put_off_is_given_up_after_three_and_a_half_days_without_a_server() {
    let mut post = Post::start().await;
    post.server.stop().await;
    crowd(&post, 10).await;
    post.app.advance(DELAY);
    let half_a_day = Duration::from_secs(12 * 3600);
    let mut waited = Duration::ZERO;
    while waited < Policy::DEFAULT.span() {
        let letters = all_letters_rest(&post).await;
        assert_eq!(count(&letters, State::Discarded), 0, "after {waited:?}");
        post.app.advance(half_a_day);
        waited += half_a_day;
    }
    let letters = all_letters_rest(&post).await;
    let given_up: Vec<_> = letters
        .iter()
        .filter(|job| job.state == State::Discarded)
        .collect();
    assert!(given_up.len() >= 5, "{letters:#?}");
    for job in &given_up {
        let error = post.error(job).await;
        let said =
            "given up after 84 hours without a mail server: the mail server was not reached: ";
        assert!(error.starts_with(said), "{error}");
        assert!(job.attempt < job.max_attempts, "{job:#?}");
    }

    // An operator's retry is an attempt like the first one of all.
    post.server.start_again().await;
    let again = post.app.scheduler.retry(given_up[0].id).await;
    assert!(again.expect("an answer").is_some());
    post.server.letter(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_have_been_put_off_makes_no_letter_wait_longer_after_an_attempt_that_failed() {
    let mut post = Post::start().await;
    post.server.stop().await;
    crowd(&post, 10).await;
    post.app.advance(DELAY);
    for _ in 0..20 {
        all_letters_rest(&post).await;
        post.app.advance(Duration::from_secs(30 * 60));
    }
    all_letters_rest(&post).await;
    post.server.start_again().await;
    post.server
        .always(Step::Rcpt, Do::Reply("450 4.2.0 Come back later"));
    post.app.advance(Duration::from_secs(30 * 60));
    let letters = all_letters_rest(&post).await;
    assert!(count(&letters, State::Retryable) > 0, "{letters:#?}");
    for job in letters.iter().filter(|job| job.state == State::Retryable) {
        let charged = endings(&post, std::slice::from_ref(job), "retried").await;
        let longest = Policy::DEFAULT.wait(charged as i32, 1.0);
        let wait = job.run_at.duration_since(post.app.now());
        let wait = Duration::try_from(wait).expect("it is not due yet");
        assert!(job.attempt > 10, "{job:#?}");
        assert!(wait <= longest, "{wait:?} after {charged} failures");
    }
}
