//! How fast it is: figures and their targets, held against bare loops of the same run where there are some.
//!
//! `tests/run bench` measures all of them, `tests/run bench WORD` the groups whose names hold the word. The table is
//! printed and written into `target/bench.md`.

mod bare;
mod client;
mod commits;
mod crowd;
mod engine;
mod ground;
mod growth;
mod jobs;
mod lateness;
mod life;
mod lone;
mod machine;
mod pages;
mod pick_up;
mod rest;
mod sign_ups;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the behaviours use the rest")]
mod support;
mod table;
mod threads;

use std::{env, fs, ops::Range, path::Path, process::ExitCode};

use ground::Grounds;
use table::Table;

/// A part of what is measured, by name.
type Group = (&'static str, fn(&mut Bench));

const GROUPS: [Group; 12] = [
    ("commits", commits::bare),
    ("hashes", sign_ups::hashes),
    ("sign-ups", sign_ups::usual),
    ("weak sign-ups", sign_ups::weak),
    ("lone sign-ups", lone::sign_ups),
    ("pages", pages::form),
    ("jobs", jobs::drain),
    ("pick-up", pick_up::idle),
    ("lateness", lateness::random),
    ("idle", rest::idle),
    ("questions", rest::questions),
    ("start", rest::start),
];

/// Takes as long as all others together.
const GROWTH: Group = ("growth", growth::of_finished);

/// How often each figure is measured, in turn with what it is held against.
const ROUNDS: usize = 3;

/// What a group is given.
pub struct Bench {
    pub table: Table,
    pub grounds: Grounds,
    words: Vec<String>,
}

impl Bench {
    /// Tells, while they are counted, which round it is.
    pub fn rounds(&self) -> impl Iterator<Item = usize> + use<> {
        Range {
            start: 1,
            end: ROUNDS + 1,
        }
        .inspect(|round| {
            eprintln!("  round {round} of {ROUNDS}; load {}", machine::load());
        })
    }

    /// Whether somebody asked for this group in particular.
    pub fn asks_for(&self, group: &str) -> bool {
        self.words.iter().any(|word| group.contains(word.as_str()))
    }
}

fn main() -> ExitCode {
    // Cargo says `--bench`.
    let words = env::args().skip(1).filter(|word| !word.starts_with("--"));
    let words: Vec<String> = words.collect();
    let asked =
        |(name, _): &Group| words.is_empty() || words.iter().any(|word| name.contains(word));
    let groups: Vec<Group> = GROUPS.into_iter().chain([GROWTH]).filter(asked).collect();
    if groups.is_empty() {
        let names: Vec<_> = GROUPS
            .iter()
            .chain([&GROWTH])
            .map(|(name, _)| *name)
            .collect();
        eprintln!("there is no such group; there are: {}", names.join(", "));
        return ExitCode::from(2);
    }
    if cfg!(debug_assertions) {
        eprintln!("only a release build is worth measuring: tests/run bench");
        return ExitCode::from(2);
    }
    let mut bench = Bench {
        table: Table::default(),
        grounds: Grounds::new(),
        words: words.clone(),
    };
    for (name, measure) in groups {
        eprintln!("{name}");
        measure(&mut bench);
    }
    let missed = bench.table.missed();
    let text = format!(
        "{}\n\n{}\n{missed} missed\n",
        machine::described(),
        bench.table.markdown()
    );
    println!("{text}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench.md");
    fs::write(&path, text).expect("the table can be written");
    eprintln!("written into {}", path.display());
    ExitCode::SUCCESS
}
