//! `cadastro bench`: the real engine without a page in front of it, as a process of its own.

use std::collections::HashMap;

use serde::Deserialize;

use crate::{ground::Ground, life};

/// A line that it prints.
#[derive(Deserialize)]
struct Line {
    figure: String,
    value: f64,
}

/// What it has measured, by name.
pub struct Figures(HashMap<String, f64>);

/// Has it measure one thing on this database. An error says why it could not.
pub fn measure(ground: &Ground, arguments: &[&str]) -> Result<Figures, String> {
    let arguments: Vec<_> = ["bench"].iter().chain(arguments).copied().collect();
    let printed = life::run(ground, &arguments)?;
    let lines = printed.lines().map(serde_json::from_str::<Line>);
    let figures = lines.map(|line| {
        let line = line.expect("a line of JSON for each figure");
        (line.figure, line.value)
    });
    Ok(Figures(figures.collect()))
}

impl Figures {
    pub fn get(&self, name: &str) -> f64 {
        let value = self.0.get(name);
        *value.unwrap_or_else(|| panic!("it did not tell `{name}`"))
    }
}
