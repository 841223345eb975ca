//! Jobs without work: enqueued, and drained by the real Scheduler and its actors, held against the bare loops.

use crate::{
    Bench, bare, engine,
    ground::{Ground, Grounds},
    life,
    table::{AtLeast, Megabytes, PerSecond, Ratio, Target},
    threads::on_all,
};

const JOBS: usize = 100_000;

/// How many jobs a transaction enqueues.
const BATCH: usize = 1000;

/// The rows stay: a table of a hundred thousand that are done is what a drain leaves behind.
pub fn drain(bench: &mut Bench) {
    for _ in bench.rounds() {
        for fresh in [Grounds::sqlite, Grounds::postgres] {
            let (bare_enqueue, bare_drain) = bare_loops(&fresh(&bench.grounds));
            let ours = fresh(&bench.grounds);
            let name = ours.name;
            let table = &mut bench.table;
            let mut note = |what, unit, target, value| {
                table.note(what, name, unit, target, value);
            };
            note("bare enqueue", PerSecond, Target::None, bare_enqueue);
            note("bare claim and finish", PerSecond, Target::None, bare_drain);
            let (count, batch) = (JOBS.to_string(), BATCH.to_string());
            let asked = ["jobs", "--count", &count, "--batch", &batch];
            let (drain, enqueue) = match name {
                "SQLite" => (80_000.0, 80_000.0),
                _ => (30_000.0, 40_000.0),
            };
            match engine::measure(&ours, &asked) {
                Ok(figures) => {
                    let drained = figures.get("drain");
                    let memory = figures.get("rss") / 1e6;
                    note(
                        "enqueue",
                        PerSecond,
                        AtLeast(enqueue),
                        figures.get("enqueue"),
                    );
                    note("drain", PerSecond, AtLeast(drain), drained);
                    note(
                        "drain, of the bare loop",
                        Ratio,
                        AtLeast(0.8),
                        drained / bare_drain,
                    );
                    note("drain; memory", Megabytes, Target::None, memory);
                }
                Err(why) => table.miss("enqueue and drain", name, &why),
            }
        }
    }
}

/// Rates of enqueueing and of claiming and finishing, through the store alone.
fn bare_loops(ground: &Ground) -> (f64, f64) {
    life::run(ground, &["migrate"]).expect("the tables are made");
    on_all(async {
        let store = ground.database.store();
        let enqueue = bare::enqueue(&store, JOBS, BATCH).await;
        (enqueue, bare::drain(&store, JOBS).await)
    })
}
