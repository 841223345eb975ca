//! How many transactions a second reach the disk, one after the other: what nothing here can be faster than.

use std::time::Duration;

use crate::{
    Bench, bare,
    table::{PerSecond, Target},
    threads::on_one,
};

const LASTS: Duration = Duration::from_secs(2);

pub fn bare(bench: &mut Bench) {
    for _ in bench.rounds() {
        for ground in bench.grounds.both() {
            let rate = on_one(bare::commits(ground.url(), LASTS));
            let table = &mut bench.table;
            table.note(
                "bare commit of one row",
                ground.name,
                PerSecond,
                Target::None,
                rate,
            );
        }
    }
}
