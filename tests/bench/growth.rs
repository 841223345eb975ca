//! Whether all this stays as it is while the table of jobs grows: a drain, lateness and sign-ups beside so many
//! jobs that are done.

use crate::{
    Bench, engine,
    ground::{Ground, Grounds, Rows},
    life::{self, Life, WEAK},
    sign_ups,
    table::{AtLeast, AtMost, Milliseconds, PerSecond, Ratio, Target},
    threads::on_one,
};

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

/// Some gigabytes, and minutes to fill: only whoever asks for this group by its name measures it.
const LARGE: u64 = 10_000_000;

/// How many sign up in a round.
const PEOPLE: usize = 5000;

/// A drain, lateness and sign-ups, as far as they could be measured.
struct Measured {
    /// Jobs and people a second: more is better.
    rates: Vec<(&'static str, f64)>,
    /// Seconds: less is better.
    waits: Vec<(&'static str, f64)>,
}

pub fn of_finished(bench: &mut Bench) {
    let large = bench.asks_for("growth").then_some(LARGE);
    let sizes: Vec<u64> = SIZES.into_iter().chain(large).collect();
    for fresh in [Grounds::sqlite, Grounds::postgres] {
        let grounds = sizes.iter().map(|size| {
            let ground = fresh(&bench.grounds);
            life::run(&ground, &["migrate"]).expect("the tables are made");
            on_one(ground.fill(Rows::Finished, *size));
            ground
        });
        let grounds: Vec<_> = grounds.collect();
        for _ in bench.rounds() {
            let mut least = None;
            for (ground, size) in grounds.iter().zip(&sizes) {
                let measured = match measured(ground) {
                    Ok(measured) => measured,
                    Err(why) => {
                        bench
                            .table
                            .miss(&format!("beside {size} finished"), ground.name, &why);
                        continue;
                    }
                };
                on_one(ground.keep_only(*size));
                note(bench, ground.name, *size, &measured, least.as_ref());
                least.get_or_insert(measured);
            }
        }
    }
}

fn measured(ground: &Ground) -> Result<Measured, String> {
    let drain = engine::measure(ground, &["jobs", "--count", "30000", "--batch", "1000"])?;
    let late = engine::measure(ground, &["timers", "--count", "5000", "--within", "5s"])?;
    let life = Life::start(ground, &WEAK);
    let (pace, _) = sign_ups::sign_up(ground, &life, 64, PEOPLE);
    Ok(Measured {
        rates: vec![("drain", drain.get("drain")), ("sign-ups", pace.per_second)],
        waits: vec![
            ("lateness p50", late.get("lateness_p50")),
            ("lateness p99", late.get("lateness_p99")),
        ],
    })
}

/// Shows what was measured, and what came of the same figure beside the fewest.
fn note(
    bench: &mut Bench,
    name: &'static str,
    size: u64,
    measured: &Measured,
    least: Option<&Measured>,
) {
    let table = &mut bench.table;
    let title = |what: &str| format!("{what} beside {size} finished");
    for (at, (what, rate)) in measured.rates.iter().enumerate() {
        table.note(&title(what), name, PerSecond, Target::None, *rate);
        if let Some(least) = least {
            let part = format!("{}, of that beside {}", title(what), SIZES[0]);
            table.note(&part, name, Ratio, AtLeast(0.85), rate / least.rates[at].1);
        }
    }
    for (at, (what, wait)) in measured.waits.iter().enumerate() {
        table.note(&title(what), name, Milliseconds, Target::None, wait * 1e3);
        if let Some(least) = least {
            let part = format!("{}, of that beside {}", title(what), SIZES[0]);
            table.note(&part, name, Ratio, AtMost(1.15), wait / least.waits[at].1);
        }
    }
}
