//! How long one sign-up takes while nobody else signs up: by the Registrar, which puts many into one transaction,
//! and past it, in a transaction of its own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cadastro::{
    account::{Application, Hasher, Token},
    clock::Clock,
    config::{Config, HashCost},
    jobs,
    store::{FirstJobs, NewSignup},
    testing::TestApp,
    text::Locale,
};

use crate::{
    Bench,
    machine::cores,
    table::{AtMost, Milliseconds, Ratio, Target, spread},
    threads::on_all,
};

/// How many sign up each way in a round, in turn.
const PEOPLE: usize = 300;

const WEAK: HashCost = HashCost {
    m_kib: 8,
    t: 1,
    p: 1,
};

pub fn sign_ups(bench: &mut Bench) {
    for _ in bench.rounds() {
        for ground in bench.grounds.both() {
            let [ours, past] = on_all(measured(ground.url()));
            let table = &mut bench.table;
            let mut note = |what, unit, target, value| {
                table.note(what, ground.name, unit, target, value);
            };
            note(
                "lone sign-up, weak hash: p50",
                Milliseconds,
                Target::None,
                ours,
            );
            note(
                "likewise, past the Registrar: p50",
                Milliseconds,
                Target::None,
                past,
            );
            note(
                "lone sign-up, of that past the Registrar",
                Ratio,
                AtMost(1.1),
                ours / past,
            );
        }
    }
}

/// The medians of both ways, in milliseconds.
async fn measured(url: &str) -> [f64; 2] {
    let settings = [
        ("DATABASE_URL", url),
        // As they are in a program that serves: this is no test of the jobs.
        ("CADASTRO_SIMPLE_TASK", "5s"),
        ("CADASTRO_PARAMETER_TASK", "10s"),
    ];
    let app = TestApp::with(&settings, |app| app.clock(Clock::system())).await;
    let hasher = Hasher::start(WEAK, cores());
    let config = Config::read(|_| None).expect("settings that all have a default");
    let first_jobs: FirstJobs = Arc::new(move |signup| jobs::at_sign_up(&config, signup));
    let (mut ours, mut past) = (Vec::new(), Vec::new());
    for number in 0..PEOPLE {
        let key = Some(Token::random().as_str().to_owned());
        let application = application(&format!("ours-{number}"));
        let begun = Instant::now();
        let signed_up = app.registrar.sign_up(application, key).await;
        ours.push(milliseconds(begun.elapsed()));
        assert_eq!(signed_up.expect("signed up").jobs.len(), 3);

        let key = Some(Token::random().as_str().to_owned());
        let application = self::application(&format!("past-{number}"));
        let begun = Instant::now();
        let (password, new_user) = application.into_parts();
        let hash = hasher.hash(password).await.expect("a hash");
        let new = NewSignup {
            user: new_user(hash),
            receipt: Token::random().as_str().to_owned(),
            idempotency_key: key,
            trace: None,
        };
        let signed_up = app.store.sign_up(&[new], &first_jobs, app.now()).await;
        app.scheduler.wake();
        past.push(milliseconds(begun.elapsed()));
        assert!(signed_up.expect("the database answers")[0].is_ok());
    }
    [ours, past].map(|waits| spread(&waits)[1])
}

fn application(name: &str) -> Application {
    let (email, password) = (format!("{name}@example.com"), "quatro cavalos azuis 7");
    Application::parse(name, &email, password, None, Locale::En).expect("nothing wrong with it")
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
