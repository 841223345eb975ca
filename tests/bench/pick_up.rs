//! How soon a job begins on a system that has nothing else to do.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use cadastro::{
    clock::Clock,
    jobs::{CatalogueBuilder, Context, Done, JobError, Task},
    queue::Job,
    testing::TestApp,
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::sleep,
};

use crate::{
    Bench,
    table::{AtMost, Milliseconds, Target, quantile},
    threads::on_all,
};

/// How many jobs a round enqueues, and the pause before each.
const JOBS: usize = 300;
const PAUSE: Duration = Duration::from_millis(20);

/// Says when it begins, and is done.
#[derive(Deserialize, Serialize)]
struct Told {}

impl Job for Told {
    const KIND: &'static str = "told";
}

impl Task for Told {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        let begun = Instant::now();
        BEGUN.get().and_then(|told| told.send(begun).ok());
        Ok(Done::default())
    }
}

/// Says when it begins, and never ends: it keeps an actor busy.
#[derive(Deserialize, Serialize)]
struct Endless {}

impl Job for Endless {
    const KIND: &'static str = "endless";
}

impl Task for Endless {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        let begun = Instant::now();
        BEGUN.get().and_then(|told| told.send(begun).ok());
        std::future::pending().await
    }
}

/// A job's code is given nothing but its arguments: this is the way out of it.
static BEGUN: OnceLock<UnboundedSender<Instant>> = OnceLock::new();

/// From the call that enqueues a job to its begin, and from that call's return, when the job is committed.
#[derive(Default)]
struct Waits {
    of_call: Vec<f64>,
    of_commit: Vec<f64>,
}

pub fn idle(bench: &mut Bench) {
    let (told, mut begun) = unbounded_channel();
    BEGUN.set(told).expect("this group is measured once");
    for _ in bench.rounds() {
        for ground in bench.grounds.both() {
            let waits = on_all(async {
                let app = start(ground.url(), "256").await;
                measured(&app, &mut begun).await
            });
            note(bench, ground.name, "", [1.5, 5.0], waits);
        }
        let ground = bench.grounds.postgres();
        let waits = on_all(async {
            let here = start(ground.url(), "1").await;
            let busy = here.scheduler.enqueue(vec![Endless {}.now()]).await;
            busy.expect("enqueued");
            begun.recv().await.expect("it begins");
            // What is enqueued here can only begin there.
            let _there = start(ground.url(), "256").await;
            measured(&here, &mut begun).await
        });
        note(
            bench,
            ground.name,
            ", another instance",
            [10.0, 10.0],
            waits,
        );
    }
}

async fn start(url: &str, actors: &str) -> TestApp {
    let settings = [("DATABASE_URL", url), ("CADASTRO_TASK_ACTORS", actors)];
    let ours = |jobs: CatalogueBuilder| jobs.task::<Told>().task::<Endless>();
    TestApp::with(&settings, |app| app.clock(Clock::system()).jobs(ours)).await
}

async fn measured(app: &TestApp, begun: &mut UnboundedReceiver<Instant>) -> Waits {
    let mut waits = Waits::default();
    for _ in 0..JOBS {
        sleep(PAUSE).await;
        let called = Instant::now();
        let enqueued = app.scheduler.enqueue(vec![Told {}.now()]).await;
        let committed = Instant::now();
        enqueued.expect("enqueued");
        let begun = begun.recv().await.expect("it begins");
        // It may begin before the call has returned.
        let milliseconds = |since| begun.saturating_duration_since(since).as_secs_f64() * 1e3;
        waits.of_call.push(milliseconds(called));
        waits.of_commit.push(milliseconds(committed));
    }
    waits.of_call.sort_by(f64::total_cmp);
    waits.of_commit.sort_by(f64::total_cmp);
    waits
}

fn note(bench: &mut Bench, database: &'static str, elsewhere: &str, most: [f64; 2], waits: Waits) {
    let table = &mut bench.table;
    let mut note = |what: &str, target, value| {
        let name = format!("pick-up{elsewhere}: {what}");
        table.note(&name, database, Milliseconds, target, value);
    };
    for (part, name, most) in [(0.5, "p50", most[0]), (0.99, "p99", most[1])] {
        note(name, AtMost(most), quantile(&waits.of_commit, part));
        let since_call = format!("{name} since the call that enqueues");
        note(&since_call, Target::None, quantile(&waits.of_call, part));
    }
}
