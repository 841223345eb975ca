//! Sign-ups over HTTP, while somebody looks at the other pages: what the hash alone allows, and what is left
//! once it costs nothing.

use std::time::{Duration, Instant};

use cadastro::{
    account::{Hasher, Password},
    config::HashCost,
};
use futures_util::future::join_all;

use crate::{
    Bench, bare,
    crowd::{self, Pace},
    ground::Ground,
    life::{Life, WEAK},
    machine::cores,
    table::{AtLeast, AtMost, Megabytes, Milliseconds, PerSecond, Ratio, Target, Unit},
    threads::{on_all, on_one},
};

/// For how long the bare loop hashes each time.
const BARE: Duration = Duration::from_secs(3);

/// How many sign up in a round at the most: some five seconds of hashing on two cores.
const PEOPLE: usize = 600;

/// Likewise, where the hash costs nothing: two seconds, at the rate that is wanted.
const WEAK_PEOPLE: usize = 20_000;

/// How many hashes wait at once for the pool.
const WAITING: usize = 64;

/// The threads that hash, with no page before them and no database behind.
pub fn hashes(bench: &mut Bench) {
    let none = "none";
    for _ in bench.rounds() {
        let bare = bare::hashes(BARE);
        let pool = on_all(pool());
        let table = &mut bench.table;
        let as_bare = "hashes by the pool of threads, of the bare loop";
        table.note("bare Argon2id", none, PerSecond, Target::None, bare);
        table.note(as_bare, none, Ratio, AtLeast(0.95), pool / bare);
    }
}

/// How many passwords the pool hashes a second.
async fn pool() -> f64 {
    let usual = HashCost {
        m_kib: 19_456,
        t: 2,
        p: 1,
    };
    let hasher = Hasher::start(usual, cores());
    let password = Password::parse("quatro cavalos azuis 7", "ana", "ana@example.com");
    let password = password.expect("a good one");
    let begun = Instant::now();
    let askers = (0..WAITING).map(async |_| {
        let mut made = 0;
        while begun.elapsed() < BARE {
            hasher.hash(password.clone()).await.expect("a hash");
            made += 1;
        }
        made
    });
    let made: u32 = join_all(askers).await.into_iter().sum();
    f64::from(made) / begun.elapsed().as_secs_f64()
}

/// With the usual hash: held against the bare loop of the same round.
pub fn usual(bench: &mut Bench) {
    for _ in bench.rounds() {
        for clients in [16, 64] {
            for ground in bench.grounds.both() {
                let bare = bare::hashes(BARE);
                let life = Life::start(&ground, &[]);
                let (pace, others) = sign_up(&ground, &life, clients, PEOPLE);
                let (_, memory) = life.memory();
                let title = |what: &str| format!("sign-ups, {clients} clients{what}");
                let table = &mut bench.table;
                let mut note = |what, unit, target, value| {
                    table.note(&title(what), ground.name, unit, target, value);
                };
                note("", PerSecond, Target::None, pace.per_second);
                let through = pace.per_second / bare;
                note(", of bare Argon2id", Ratio, AtLeast(0.95), through);
                note(": p50", Milliseconds, Target::None, pace.p50());
                note(": p99", Milliseconds, Target::None, pace.p99());
                for (what, unit, target, value) in
                    beside(&others, AtMost(25.0), memory, AtMost(120.0))
                {
                    note(what, unit, target, value);
                }
            }
        }
    }
}

/// With a hash that costs nothing.
pub fn weak(bench: &mut Bench) {
    for _ in bench.rounds() {
        for clients in [16, 64] {
            for ground in bench.grounds.both() {
                let life = Life::start(&ground, &WEAK);
                let (pace, others) = sign_up(&ground, &life, clients, WEAK_PEOPLE);
                let (_, memory) = life.memory();
                let (rate, wait) = match (clients, ground.name) {
                    (64, "SQLite") => (AtLeast(8000.0), AtMost(20.0)),
                    (64, _) => (AtLeast(4000.0), AtMost(20.0)),
                    _ => (Target::None, Target::None),
                };
                let title = |what: &str| format!("sign-ups, weak hash, {clients} clients{what}");
                let table = &mut bench.table;
                let mut note = |what, unit, target, value| {
                    table.note(&title(what), ground.name, unit, target, value);
                };
                note("", PerSecond, rate, pace.per_second);
                note(": p50", Milliseconds, Target::None, pace.p50());
                note(": p99", Milliseconds, wait, pace.p99());
                for (what, unit, target, value) in
                    beside(&others, Target::None, memory, Target::None)
                {
                    note(what, unit, target, value);
                }
            }
        }
    }
}

/// What is told beside the sign-ups themselves: how long other pages took meanwhile, and the memory, in bytes.
fn beside(
    others: &Pace,
    slowest: Target,
    memory: f64,
    most: Target,
) -> [(&'static str, Unit, Target, f64); 3] {
    [
        (
            "; other pages: p50",
            Milliseconds,
            Target::None,
            others.p50(),
        ),
        ("; other pages: p99", Milliseconds, slowest, others.p99()),
        ("; memory at its most", Megabytes, most, memory / 1e6),
    ]
}

/// Signs people up, and sees that they are there afterwards.
pub fn sign_up(ground: &Ground, life: &Life, clients: usize, people: usize) -> (Pace, Pace) {
    on_one(async {
        let before = ground.count("users").await;
        let (pace, others) = crowd::sign_up(&life.address, clients, people).await;
        // And one whose receipt was looked at.
        let there = ground.count("users").await - before;
        assert_eq!(there, pace.answers + 1);
        (pace, others)
    })
}
