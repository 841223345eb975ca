//! What was measured, as a line of JSON for each figure.

use std::io::Write;

use serde::Serialize;

use crate::{
    cli::{Failure, output},
    metrics,
};

#[derive(Serialize)]
struct Figure<'a> {
    figure: &'a str,
    unit: &'a str,
    value: f64,
}

/// Tells one figure.
pub(super) fn tell(
    out: &mut dyn Write,
    figure: &str,
    unit: &str,
    value: f64,
) -> Result<(), Failure> {
    Ok(output::json(
        out,
        &Figure {
            figure,
            unit,
            value,
        },
    )?)
}

/// Tells how the seconds that something took are distributed: `{name}_p50`, `{name}_p99` and `{name}_max`.
pub(super) fn tell_spread(
    out: &mut dyn Write,
    name: &str,
    mut seconds: Vec<f64>,
) -> Result<(), Failure> {
    seconds.sort_by(f64::total_cmp);
    for (quantile, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        let value = quantile_of(&seconds, share);
        tell(out, &format!("{name}_{quantile}"), "s", value)?;
    }
    Ok(())
}

/// Tells how much memory the process occupies now; nothing, where the system does not say so.
pub(super) fn tell_memory(out: &mut dyn Write) -> Result<(), Failure> {
    match metrics::resident_bytes() {
        Some(bytes) => tell(out, "rss", "bytes", bytes),
        None => Ok(()),
    }
}

/// The least value that so large a share of them does not exceed.
fn quantile_of(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    let at = rank.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        let found = [0.0, 0.5, 0.99, 1.0].map(|share| quantile_of(&hundred, share));
        assert_eq!(found, [1.0, 50.0, 99.0, 100.0]);
        assert_eq!(quantile_of(&[7.0], 0.5), 7.0);
    }

    #[test]
    fn a_figure_is_a_line_of_json() {
        let mut out = Vec::new();
        tell(&mut out, "drain", "jobs/s", 1.5).expect("memory takes it");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "{\"figure\":\"drain\",\"unit\":\"jobs/s\",\"value\":1.5}\n"
        );
    }
}
