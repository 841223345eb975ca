//! How many pages a second are read.

use std::time::Duration;

use crate::{
    Bench, crowd,
    life::Life,
    table::{AtLeast, Milliseconds, PerSecond, Target},
    threads::on_one,
};

/// For how long each round reads.
const LASTS: Duration = Duration::from_secs(3);

/// The form that everybody begins with. No database is asked for it.
pub fn form(bench: &mut Bench) {
    for _ in bench.rounds() {
        let ground = bench.grounds.sqlite();
        let life = Life::start(&ground, &[]);
        for (clients, target) in [(1, Target::None), (16, AtLeast(20_000.0))] {
            let pace = on_one(crowd::read(&life.address, clients, "/signup", LASTS));
            let title = |what: &str| format!("GET /signup, {clients} at a time{what}");
            let table = &mut bench.table;
            let mut note = |what, unit, target, value| {
                table.note(&title(what), ground.name, unit, target, value);
            };
            note("", PerSecond, target, pace.per_second);
            note(": p50", Milliseconds, Target::None, pace.p50());
            note(": p99", Milliseconds, Target::None, pace.p99());
        }
    }
}
