//! axe-core, the judge of WCAG: where `tests/run` puts it, and how it is asked.

use std::fs;

use serde::Deserialize;

/// Kept out of the project: `tests/run` takes it from the npm registry.
const PATH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/axe/node_modules/axe-core/axe.min.js"
);

/// Asks for WCAG 2.2 at levels A and AA, which holds all of 2.0 and 2.1.
pub const ASK: &str = "
    const answer = arguments[arguments.length - 1];
    const rules = {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']};
    axe.run(document, {runOnly: rules, resultTypes: ['violations']}).then(
        found => answer(found.violations.map(v => ({
            rule: v.id,
            help: v.help,
            elements: v.nodes.map(node => node.html),
        }))),
        error => answer([{rule: 'axe itself', help: String(error), elements: []}]),
    );";

/// A rule that a page breaks.
#[derive(Debug, Deserialize, Eq, PartialEq)]
pub struct Violation {
    /// Its name among axe's rules.
    pub rule: String,
    /// What is to be done.
    pub help: String,
    /// The HTML of the elements that break it.
    pub elements: Vec<String>,
}

/// The script that brings `axe` to a page.
pub fn source() -> String {
    fs::read_to_string(PATH)
        .unwrap_or_else(|error| panic!("axe-core is missing ({error}): run tests/run"))
}
