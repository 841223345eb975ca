//! A letter that may have gone twice: whoever waits for it is told, and so is the operator.

use std::sync::Arc;

use cadastro::{queue::State, text::Locale};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{BACK_OFF, CALLED_BACK, DELAY, Post, STOP, sign_up};
use crate::{
    cli::Terminal,
    support::{
        app::TestAppBuilder,
        database::TestDatabase,
        page::Page,
        program::Program,
        smtp::{Do, SmtpServer, Step},
        visitor::{PASSWORD, TOKEN, Visitor},
    },
};

const ALREADY: [(Locale, &str); 2] = [
    (Locale::En, "This message may have arrived already"),
    (Locale::PtBr, "Esta mensagem talvez já tenha chegado"),
];

const TWICE: [(Locale, &str); 2] = [
    (Locale::En, "This message may have arrived twice"),
    (
        Locale::PtBr,
        "Esta mensagem talvez tenha chegado duas vezes",
    ),
];

/// How often a page says of a job that it may have arrived.
fn doubts(page: &Page, sentences: [(Locale, &str); 2]) -> usize {
    let (_, sentence) = sentences
        .into_iter()
        .find(|(locale, _)| locale.tag() == page.lang())
        .expect("one of our languages");
    page.body.matches(sentence).count()
}

fn operated(app: TestAppBuilder) -> TestAppBuilder {
    app.set("CADASTRO_OPERATOR_TOKEN", TOKEN)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_answer_was_lost_says_that_it_may_have_arrived_twice() {
    let post = Post::at(SmtpServer::start().await, operated).await;
    post.server.once(Step::Letter, Do::Close);
    let visitors = ALREADY.map(|(locale, _)| Visitor::new(&post.app).speaking(locale.tag()));
    let receipt = visitors[0].sign_up("maria").await;
    for visitor in &visitors {
        let page = visitor.log_in("maria", PASSWORD).await;
        page.with_status(303);
    }
    let paths = [format!("/signup/{receipt}"), "/".to_owned()];
    post.app.advance(DELAY);
    let unsure = post.letter_is(&receipt, State::Retryable).await;
    for visitor in &visitors {
        for path in &paths {
            let page = visitor.get(path).await.with_status(200);
            assert_eq!(doubts(&page, ALREADY), 1, "{}", page.body);
            assert_eq!(doubts(&page, TWICE), 0, "{}", page.body);
        }
    }

    post.app.advance(BACK_OFF);
    post.all_done(&receipt).await;
    assert_eq!(post.server.seen().letters.len(), 2);
    for visitor in &visitors {
        for path in &paths {
            let page = visitor.get(path).await.with_status(200);
            assert_eq!(doubts(&page, ALREADY), 0, "{}", page.body);
            assert_eq!(doubts(&page, TWICE), 1, "{}", page.body);
        }
        let news = visitor.get(&format!("/signup/{receipt}/events")).await;
        let told = TWICE.map(|(_, sentence)| news.body.matches(sentence).count());
        assert_eq!(told.iter().sum::<usize>(), 1, "{}", news.body);
    }

    let said = "the letter may have been delivered; \
                error: the mail server was not reached: it closed the connection";
    let path = format!("/api/v1/jobs/{}", unsure.id);
    let shown = Visitor::operator(&post.app).get(&path).await.json();
    assert_eq!(shown["attempts"][0]["error"], said);
    assert_eq!(shown["attempts"][1]["error"], Value::Null);
    let terminal = Terminal::at(&post.database);
    let shown = terminal.say(&format!("jobs show {}", unsure.id)).done();
    assert!(shown.contains(said), "{shown}");
    // What a program reads of a sign-up is as it always was.
    let status = format!("/api/v1/signups/{receipt}");
    let status = visitors[0].get(&status).await.json();
    let letter = status["jobs"][0].as_object().expect("a job");
    assert!(
        !letter.keys().any(|key| key.contains("doubt")),
        "{letter:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_called_back_while_its_answer_was_awaited_may_have_arrived() {
    let post = Post::at(SmtpServer::start().await, operated).await;
    post.server.once(Step::Letter, Do::Hang);
    let visitor = Visitor::new(&post.app);
    let receipt = visitor.sign_up("maria").await;
    post.app.advance(DELAY);
    post.server.reached(Step::Letter, 1).await;
    let sending = post.letter_is(&receipt, State::Executing).await;
    let told = post.app.scheduler.cancel(sending.id).await;
    assert!(told.expect("an answer").is_some());
    post.app.advance(STOP);
    let cancelled = post.letter_is(&receipt, State::Cancelled).await;
    let said = format!("the letter may have been delivered; {CALLED_BACK}");
    assert_eq!(post.error(&cancelled).await, said);
    let page = visitor.get(&format!("/signup/{receipt}")).await;
    assert_eq!(doubts(&page, ALREADY), 1, "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_was_put_off_for_certain_is_in_no_doubt() {
    let post = Post::start().await;
    post.server
        .once(Step::Letter, Do::Reply("451 4.3.0 Come back later"));
    let visitor = Visitor::new(&post.app);
    let receipt = visitor.sign_up("maria").await;
    post.app.advance(DELAY);
    post.letter_is(&receipt, State::Retryable).await;
    post.app.advance(BACK_OFF);
    post.all_done(&receipt).await;
    let page = visitor.get(&format!("/signup/{receipt}")).await;
    let told = [ALREADY, TWICE].map(|sentences| doubts(&page, sentences));
    assert_eq!(told, [0, 0], "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_a_kill_or_a_stop_cut_short_says_that_it_may_have_arrived_twice() {
    let kill: fn(Program) = Program::kill;
    let stop: fn(Program) = |program| assert_eq!(program.terminate().code(), Some(0));
    for end in [kill, stop] {
        let (server, database) = (SmtpServer::start().await, TestDatabase::sqlite());
        let url = server.url();
        let settings = [
            ("SMTP_URL", url.as_str()),
            ("CADASTRO_WELCOME_DELAY", "0s"),
            ("CADASTRO_SIMPLE_TASK", "0s"),
            ("CADASTRO_PARAMETER_TASK", "0s"),
            ("CADASTRO_SHUTDOWN_GRACE", "0s"),
        ];
        let program = Program::start(&database, &settings);
        // The letter is taken over, and the answer never comes.
        let never = Arc::new(Semaphore::new(0));
        server.once(Step::Letter, Do::Await(never));
        let receipt = sign_up(&program.url, "maria", "maria@example.com", Locale::En).await;
        server.reached(Step::Letter, 1).await;
        end(program);

        let program = Program::start(&database, &settings);
        server.letter(2).await;
        // The news end once all is done.
        let news = reqwest::Client::new()
            .get(format!("{}/signup/{receipt}/events", program.url))
            .header("accept-language", "en")
            .send()
            .await;
        let news = news.expect("an answer").text().await.expect("all of it");
        let last = news.rsplit("event: jobs").next().unwrap_or_default();
        let [(_, twice), _] = TWICE;
        assert_eq!(last.matches(twice).count(), 1, "{news}");
    }
}
