//! The results, as the README shows them.

use std::time::Duration;

use crate::{judge::Found, points::Point};

/// Nothing of the kind was found.
const NONE: &str = "–";

/// What the runs at one point found on one database.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub runs: usize,
    pub found: Found,
}

impl Sum {
    pub fn add(&mut self, found: Found) {
        self.runs += 1;
        self.found.lost += found.lost;
        self.found.finished_twice += found.finished_twice;
        self.found.letters_twice += found.letters_twice;
        self.found.unanswered += found.unanswered;
        self.found.interrupted += found.interrupted;
        self.found.taken_up = self.found.taken_up.max(found.taken_up);
    }
}

/// A row for each point, and in each field what was found on SQLite and on PostgreSQL. What must not be found
/// at all is in the line above.
pub fn table(rows: &[(Point, [Sum; 2])]) -> String {
    let head = [
        "the process dies",
        "times",
        "saved, unanswered",
        "attempts interrupted",
        "taken up after at most",
        "letters sent again",
    ];
    let sums = || rows.iter().flat_map(|(_, sums)| sums);
    let deaths: usize = sums().map(|sum| sum.runs).sum();
    let lost: usize = sums().map(|sum| sum.found.lost).sum();
    let twice: usize = sums().map(|sum| sum.found.finished_twice).sum();
    let mut lines = vec![
        format!("{deaths} deaths: {lost} sign-ups lost, {twice} jobs finished twice\n"),
        line(&head.map(str::to_owned)),
        "|---".repeat(head.len()) + "|",
    ];
    for (point, sums) in rows {
        let both = |of: fn(&Sum) -> String| match sums.each_ref().map(of) {
            [sqlite, postgres] if sqlite == NONE && postgres == NONE => NONE.to_owned(),
            fields => fields.join(" / "),
        };
        lines.push(line(&[
            point.told.to_owned(),
            both(|sum| sum.runs.to_string()),
            both(|sum| number(sum.found.unanswered)),
            both(|sum| number(sum.found.interrupted)),
            both(|sum| time(sum.found)),
            both(|sum| number(sum.found.letters_twice)),
        ]));
    }
    lines.join("\n")
}

fn number(found: usize) -> String {
    match found {
        0 => NONE.to_owned(),
        found => found.to_string(),
    }
}

fn time(found: Found) -> String {
    match found.taken_up {
        Duration::ZERO => NONE.to_owned(),
        taken_up => format!("{} ms", taken_up.as_millis()),
    }
}

fn line(fields: &[String]) -> String {
    format!("| {} |", fields.join(" | "))
}
