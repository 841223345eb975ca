//! How late jobs start that are due at instants of their own, alone and beside a million that wait.

use crate::{
    Bench, engine,
    ground::{Ground, Rows},
    life,
    table::{AtMost, Milliseconds, Ratio, Target},
    threads::on_one,
};

/// How many more wait.
const WAITING: u64 = 1_000_000;

pub fn random(bench: &mut Bench) {
    let full = bench.grounds.both();
    for ground in &full {
        life::run(ground, &["migrate"]).expect("the tables are made");
        on_one(ground.fill(Rows::Waiting, WAITING));
    }
    for _ in bench.rounds() {
        for (empty, full) in bench.grounds.both().iter().zip(&full) {
            let alone = measured(bench, empty, "", [1.5, 5.0]);
            let beside = measured(bench, full, ", 1,000,000 more waiting", [f64::INFINITY; 2]);
            let (Some(alone), Some(beside)) = (alone, beside) else {
                continue;
            };
            for (at, part) in ["p50", "p99"].into_iter().enumerate() {
                let name = format!("lateness: {part} with 1,000,000 more waiting, of that without");
                let ratio = beside[at] / alone[at];
                bench
                    .table
                    .note(&name, full.name, Ratio, AtMost(1.2), ratio);
            }
        }
    }
}

/// The median, and what one in a hundred exceeds.
fn measured(bench: &mut Bench, ground: &Ground, beside: &str, most: [f64; 2]) -> Option<[f64; 2]> {
    let asked = ["timers", "--count", "10000", "--within", "10s"];
    let table = &mut bench.table;
    let figures = match engine::measure(ground, &asked) {
        Ok(figures) => figures,
        Err(why) => {
            table.miss(&format!("lateness{beside}"), ground.name, &why);
            return None;
        }
    };
    let target = |most: f64| match most.is_finite() {
        true => AtMost(most),
        false => Target::None,
    };
    let [p50, p99, max] = ["p50", "p99", "max"].map(|part| {
        let late = figures.get(&format!("lateness_{part}")) * 1e3;
        (format!("lateness{beside}: {part}"), late)
    });
    table.note(&p50.0, ground.name, Milliseconds, target(most[0]), p50.1);
    table.note(&p99.0, ground.name, Milliseconds, target(most[1]), p99.1);
    table.note(&max.0, ground.name, Milliseconds, Target::None, max.1);
    Some([p50.1, p99.1])
}
