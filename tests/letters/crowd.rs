//! Many letters: each exactly once, over connections that are kept.

use std::collections::BTreeSet;

use cadastro::queue::State;
use futures_util::future::join_all;

use super::{DELAY, Post};
use crate::{
    delays,
    support::{
        app::TestApp,
        database::TestDatabase,
        smtp::{Do, SmtpServer, Step},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn forty_letters_due_at_the_same_instant_leave_once_each() {
    for database in TestDatabase::both() {
        let server = SmtpServer::start().await;
        let app = TestApp::builder(&database)
            .set("SMTP_URL", server.url())
            .set("CADASTRO_SIMPLE_TASK", "0s")
            .set("CADASTRO_PARAMETER_TASK", "0s");
        let app = app.start().await;
        let names: Vec<_> = (0..40).map(|n| format!("visitor-{n}")).collect();
        let receipts = join_all(names.iter().map(|name| delays::sign_up(&app, name))).await;

        app.advance(DELAY);
        for receipt in &receipts {
            let jobs = app.receipt_reaches(receipt, &[State::Completed]).await;
            assert!(jobs.iter().all(|job| job.attempt == 1), "{jobs:#?}");
        }
        let seen = server.seen();
        assert_eq!(seen.letters.len(), 40, "{database}");
        let recipients: BTreeSet<_> = seen.letters.iter().map(|l| l.to.concat()).collect();
        let expected = names.iter().map(|name| format!("{name}@example.com"));
        assert_eq!(recipients, expected.collect());
        let ids: BTreeSet<_> = seen
            .letters
            .iter()
            .map(|letter| letter.read().message_id().map(str::to_owned))
            .collect();
        assert_eq!(ids.len(), 40);
        assert_eq!(seen.connections, 2, "one for each of the two EmailActors");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_actor_keeps_its_connection_from_letter_to_letter() {
    let server = SmtpServer::start().await;
    let post = Post::at(server, |app| app.set("CADASTRO_EMAIL_ACTORS", "1")).await;
    for name in ["ana", "maria"] {
        let receipt = post.sign_up(name).await;
        post.app.advance(DELAY);
        post.all_done(&receipt).await;
    }
    // A refusal is about one letter, not about the connection.
    post.server
        .once(Step::Rcpt, Do::Reply("550 5.1.1 No such user"));
    let refused = post.sign_up("nobody-here").await;
    post.app.advance(DELAY);
    post.letter_is(&refused, State::Discarded).await;
    let receipt = post.sign_up("pedro").await;
    post.app.advance(DELAY);
    post.all_done(&receipt).await;

    let seen = post.server.seen();
    assert_eq!((seen.letters.len(), seen.connections), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_closed_meanwhile_costs_no_attempt() {
    let server = SmtpServer::start().await;
    let mut post = Post::at(server, |app| app.set("CADASTRO_EMAIL_ACTORS", "1")).await;
    for (n, name) in ["ana", "maria", "pedro"].into_iter().enumerate() {
        let receipt = post.sign_up(name).await;
        post.app.advance(DELAY);
        let jobs = post.all_done(&receipt).await;
        assert_eq!(jobs[0].attempt, 1);
        assert_eq!(post.server.letter(n + 1).await.connection, n + 1);
        match n {
            0 => post.hang_up().await,
            _ => post.server.say("421 4.4.2 Idle for too long").await,
        }
    }
}
