//! The kill matrix: every point, both databases.

use std::{env, io::Write, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    cell,
    points::{POINTS, Point},
    support::database::TestDatabase,
    table::{Sum, table},
};

/// How many cells are played at once: a process that starts keeps a core busy, and one that waits does not.
const AT_ONCE: usize = 4;

/// How often every cell is played: `KILL_MATRIX_RUNS`, or once.
fn runs() -> usize {
    let runs = env::var("KILL_MATRIX_RUNS").ok();
    runs.map_or(1, |runs| {
        runs.parse().expect("KILL_MATRIX_RUNS is a number")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn nothing_is_lost_or_done_twice_wherever_the_process_is_killed() {
    let mut rows: Vec<(Point, [Sum; 2])> =
        POINTS.map(|point| (point, <[Sum; 2]>::default())).into();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut cells = JoinSet::new();
    for run in 0..runs() {
        for (row, point) in POINTS.into_iter().enumerate() {
            let passages = point.scene.passages();
            let passage = passages[run % passages.len()];
            for column in 0..2 {
                let places = places.clone();
                cells.spawn(async move {
                    let _place = places.acquire_owned().await.expect("never closed");
                    let database = match column {
                        0 => TestDatabase::sqlite(),
                        _ => TestDatabase::postgres(),
                    };
                    let found = cell::play(point, passage, database).await;
                    (row, column, found)
                });
            }
        }
    }
    let mut failed = 0;
    while let Some(played) = cells.join_next().await {
        match played {
            Ok((row, column, found)) => rows[row].1[column].add(found),
            // Its panic has said why.
            Err(_) => failed += 1,
        }
    }
    // Not by `println!`, whose words the test harness keeps to itself where all is well.
    writeln!(std::io::stderr(), "\n{}\n", table(&rows)).expect("the table is shown");
    assert_eq!(failed, 0, "cells that failed");
    for (point, sums) in rows {
        for Sum { runs, found } in sums {
            assert_eq!((found.lost, found.finished_twice), (0, 0), "{point:?}");
            let twice = if point.twice { runs } else { 0 };
            assert_eq!(found.letters_twice, twice, "{point:?}");
        }
    }
}
