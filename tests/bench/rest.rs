//! What the program takes while nobody wants anything of it, and how soon it is ready.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use cadastro::{
    clock::Clock,
    store::diesel::connection::{
        Instrumentation, InstrumentationEvent, set_default_instrumentation,
    },
    testing::TestApp,
};

use crate::{
    Bench,
    ground::Rows,
    life::{self, Life},
    table::{AtMost, Megabytes, Milliseconds, PerSecond, PercentOfCore, Target},
    threads::{on_all, on_one},
};

/// How long it rests after its start before anything is looked at.
const SETTLE: Duration = Duration::from_secs(3);

/// How long it is watched: the kernel counts work in hundredths of a second, and the Scheduler polls every five seconds.
const WATCH: Duration = Duration::from_secs(20);

/// How many jobs wait in the table that is not empty.
const WAITING: u64 = 1_000_000;

/// Memory, work and questions while nothing happens.
pub fn idle(bench: &mut Bench) {
    for _ in bench.rounds() {
        for ground in bench.grounds.both() {
            let life = Life::start(&ground, &[]);
            sleep(SETTLE);
            let (memory, _) = life.memory();
            let (worked, watched) = (life.worked(), Instant::now());
            sleep(WATCH);
            let share = (life.worked() - worked).as_secs_f64() / watched.elapsed().as_secs_f64();
            drop(life);
            let table = &mut bench.table;
            let mut note = |what, unit, target, value| {
                table.note(what, ground.name, unit, target, value);
            };
            note("idle: memory", Megabytes, AtMost(20.0), memory / 1e6);
            note("idle: work", PercentOfCore, AtMost(0.2), share * 100.0);
        }
    }
}

/// Statements put to the database while nothing happens, counted where diesel hands them over.
pub fn questions(bench: &mut Bench) {
    set_default_instrumentation(|| Some(Box::new(Counter))).expect("nobody panics over it");
    for ground in bench.grounds.both() {
        let rate = on_all(async {
            let settings = [("DATABASE_URL", ground.url())];
            let _app = TestApp::with(&settings, |app| app.clock(Clock::system())).await;
            tokio::time::sleep(SETTLE).await;
            let (asked, watched) = (ASKED.load(Ordering::Relaxed), Instant::now());
            tokio::time::sleep(WATCH).await;
            let asked = ASKED.load(Ordering::Relaxed) - asked;
            asked as f64 / watched.elapsed().as_secs_f64()
        });
        let target = match ground.name {
            "SQLite" => AtMost(1.0),
            _ => Target::None,
        };
        let table = &mut bench.table;
        table.note("idle: statements", ground.name, PerSecond, target, rate);
    }
    set_default_instrumentation(|| None).expect("nobody panics over it");
}

/// From the start of the process until `/readyz` says that it is ready; and memory, with a million jobs waiting.
pub fn start(bench: &mut Bench) {
    let full = bench.grounds.both();
    for ground in &full {
        life::run(ground, &["migrate"]).expect("the tables are made");
        on_one(ground.fill(Rows::Waiting, WAITING));
    }
    for _ in bench.rounds() {
        for (empty, full) in bench.grounds.both().iter().zip(&full) {
            let first = Life::start(empty, &[]).took;
            let alone = Life::start(empty, &[]);
            let beside = Life::start(full, &[]);
            sleep(SETTLE);
            let more = beside.memory().0 - alone.memory().0;
            let table = &mut bench.table;
            let mut note = |what, unit, target, value| {
                table.note(what, empty.name, unit, target, value);
            };
            let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
            let (none, million) = (milliseconds(alone.took), milliseconds(beside.took));
            note(
                "first start to ready",
                Milliseconds,
                AtMost(100.0),
                milliseconds(first),
            );
            note("start to ready", Milliseconds, AtMost(100.0), none);
            note(
                "start to ready, 1,000,000 waiting",
                Milliseconds,
                AtMost(300.0),
                million,
            );
            note(
                "memory for 1,000,000 waiting",
                Megabytes,
                AtMost(10.0),
                more / 1e6,
            );
        }
    }
}

static ASKED: AtomicU64 = AtomicU64::new(0);

struct Counter;

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { .. } = event {
            ASKED.fetch_add(1, Ordering::Relaxed);
        }
    }
}
