//! What was measured, and the table that shows it.

use std::fmt::Write as _;

/// What a figure has to be.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// It is there to be compared with.
    None,
}

pub use Target::{AtLeast, AtMost};

/// In what a figure is counted.
#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    PerSecond,
    Milliseconds,
    /// Of a million bytes.
    Megabytes,
    /// Of one core, in hundredths.
    PercentOfCore,
    /// One figure through another of the same round.
    Ratio,
}

pub use Unit::{Megabytes, Milliseconds, PerSecond, PercentOfCore, Ratio};

/// One line of the table: a value for each round, or why there is none.
struct Figure {
    name: String,
    database: &'static str,
    unit: Unit,
    target: Target,
    rounds: Vec<f64>,
    missing: Option<String>,
}

/// All figures, in the order in which they were first measured.
#[derive(Default)]
pub struct Table(Vec<Figure>);

impl Table {
    /// Adds what a round has measured.
    pub fn note(
        &mut self,
        name: &str,
        database: &'static str,
        unit: Unit,
        target: Target,
        value: f64,
    ) {
        let figure = self.figure(name, database, unit, target);
        figure.rounds.push(value);
        eprintln!("    {name} ({database}): {}", shown(value, unit));
    }

    /// Says why a figure has no value.
    pub fn miss(&mut self, name: &str, database: &'static str, why: &str) {
        let figure = self.figure(name, database, Ratio, Target::None);
        figure.missing = Some(why.to_owned());
        eprintln!("    {name} ({database}): {why}");
    }

    fn figure(
        &mut self,
        name: &str,
        database: &'static str,
        unit: Unit,
        target: Target,
    ) -> &mut Figure {
        let is_it = |figure: &Figure| figure.name == name && figure.database == database;
        let at = self.0.iter().position(is_it).unwrap_or_else(|| {
            self.0.push(Figure {
                name: name.to_owned(),
                database,
                unit,
                target,
                rounds: Vec::new(),
                missing: None,
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// How many figures have missed their targets.
    pub fn missed(&self) -> usize {
        let missed = |figure: &&Figure| figure.is_met() == Some(false);
        self.0.iter().filter(missed).count()
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| figure | database | median | from – to | target | met |\n|---|---|---|---|---|---|\n",
        );
        for figure in &self.0 {
            let _ = writeln!(text, "{}", figure.line());
        }
        text
    }
}

impl Figure {
    fn line(&self) -> String {
        let Figure { name, database, .. } = self;
        if let Some(why) = &self.missing {
            return format!("| {name} | {database} | – | {why} | | |");
        }
        let [low, median, high] = spread(&self.rounds);
        let show = |value| shown(value, self.unit);
        let target = match self.target {
            AtLeast(least) => format!("≥ {}", show(least)),
            AtMost(most) => format!("≤ {}", show(most)),
            Target::None => String::new(),
        };
        let met = match self.is_met() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        format!(
            "| {name} | {database} | {} | {} – {} | {target} | {met} |",
            show(median),
            show(low),
            show(high),
        )
    }

    fn is_met(&self) -> Option<bool> {
        if self.rounds.is_empty() {
            return None;
        }
        let [_, median, _] = spread(&self.rounds);
        match self.target {
            AtLeast(least) => Some(median >= least),
            AtMost(most) => Some(median <= most),
            Target::None => None,
        }
    }
}

/// The least, the median and the most. There has to be one at least.
pub fn spread(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    [0.0, 0.5, 1.0].map(|part| quantile(&values, part))
}

/// The least value that so large a part of all does not exceed; they are sorted, the least first.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// With three digits that mean something, and its unit.
fn shown(value: f64, unit: Unit) -> String {
    let decimals = match value.abs() {
        large if large >= 99.95 => 0,
        some if some >= 9.995 => 1,
        _ => 2,
    };
    let number = grouped(&format!("{value:.decimals$}"));
    match unit {
        PerSecond => format!("{number}/s"),
        Milliseconds => format!("{number} ms"),
        Megabytes => format!("{number} MB"),
        PercentOfCore => format!("{number} %"),
        Ratio => format!("× {number}"),
    }
}

/// With a comma after each thousand.
fn grouped(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let mut text = String::new();
    for (at, sign) in number.chars().enumerate() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(sign);
    }
    text
}
