//! The metrics as text, for those who scrape.

use prometheus_client::encoding::text::encode;

use super::Metrics;

impl Metrics {
    /// The exposition: OpenMetrics, or the older Prometheus text.
    pub fn render(&self, openmetrics: bool) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        if openmetrics { text } else { prometheus(&text) }
    }
}

/// Rewrites OpenMetrics as the older text: there a counter's family bears the sample's name.
fn prometheus(openmetrics: &str) -> String {
    let counters: Vec<&str> = openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(openmetrics.len());
    for line in openmetrics.lines().filter(|line| *line != "# EOF") {
        let head = line
            .strip_prefix("# ")
            .and_then(|rest| rest.split_once(' '));
        match head.and_then(|(word, rest)| Some((word, rest.split_once(' ')?))) {
            Some((word @ ("TYPE" | "HELP"), (family, rest))) if counters.contains(&family) => {
                text.push_str(&format!("# {word} {family}_total {rest}\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_name_a_counter_as_their_readers_expect() {
        let metrics = Metrics::new("sqlite");
        metrics.signup("created");
        let open = metrics.render(true);
        assert!(open.contains("# TYPE cadastro_signups counter\n"));
        assert!(open.ends_with("# EOF\n"));
        let old = metrics.render(false);
        assert!(old.contains("# TYPE cadastro_signups_total counter\n"));
        assert!(old.contains("cadastro_signups_total{outcome=\"created\"} 1\n"));
        assert!(!old.contains("EOF"));
    }

    #[test]
    fn the_process_tells_of_itself() {
        let text = Metrics::new("sqlite").render(false);
        for family in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
        ] {
            assert!(
                text.lines().any(|line| line.starts_with(family)),
                "{family}\n{text}"
            );
        }
    }
}
