//! What an operator decides of a queue, judged before it is written down.

use std::{fmt, ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::object::Object;
use crate::{
    queue::{AT_ONCE, RATE_JOBS, RATE_PERIOD, Rate, SIZES, queue_name},
    store::QueueChange,
    web::error::Argument,
};

/// What a program sends. What is absent stays as it is; null takes it back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = QueueChange)]
pub struct QueueJson {
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 4096)]
    workers: Option<Option<i64>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000000)]
    at_once: Option<Option<i64>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000000)]
    at_once_per_key: Option<Option<i64>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<RateJson>)]
    rate: Option<Option<Object<RateJson>>>,
}

/// So many starts at once, and then one for each share of the period.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rate)]
pub struct RateJson {
    #[schema(minimum = 1, maximum = 1000000)]
    jobs: i64,
    #[schema(minimum = 1, maximum = 2592000)]
    period_seconds: f64,
}

impl From<Rate> for RateJson {
    fn from(rate: Rate) -> Self {
        RateJson {
            jobs: rate.burst.into(),
            period_seconds: rate.period.as_secs_f64(),
        }
    }
}

impl fmt::Display for RateJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = Duration::try_from_secs_f64(self.period_seconds).unwrap_or_default();
        write!(f, "{}/{}", self.jobs, humantime::format_duration(period))
    }
}

/// Tells null from nothing at all.
fn given<'de, D, T>(value: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(value).map(Some)
}

/// The change, or all that is wrong with it.
pub fn judge(name: &str, asked: QueueJson) -> Result<QueueChange, Vec<Argument>> {
    let mut wrong = Wrong::default();
    if let Err(error) = queue_name(name) {
        wrong.refuse("queue", "invalid", error.to_string());
    }
    let mut number = |field: &str, asked: Option<Option<i64>>, range| {
        asked.map(|asked| asked.and_then(|asked| wrong.number(field, asked, range)))
    };
    let change = QueueChange {
        workers: number("workers", asked.workers, SIZES),
        at_once: number("at_once", asked.at_once, AT_ONCE),
        at_once_per_key: number("at_once_per_key", asked.at_once_per_key, AT_ONCE),
        rate: asked
            .rate
            .map(|rate| rate.and_then(|Object(rate)| wrong.rate(rate))),
    };
    match wrong.0.is_empty() {
        true => Ok(change),
        false => Err(wrong.0),
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Wrong(Vec<Argument>);

impl Wrong {
    fn refuse(&mut self, field: &str, code: &'static str, message: String) {
        self.0.push(Argument {
            field: field.to_owned(),
            code,
            message,
        });
    }

    fn number(&mut self, field: &str, asked: i64, range: RangeInclusive<u32>) -> Option<u32> {
        let number = u32::try_from(asked).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            let message = format!("give a whole number from {least} to {most}");
            self.refuse(field, "out_of_range", message);
        }
        number
    }

    fn rate(&mut self, asked: RateJson) -> Option<Rate> {
        let burst = self.number("rate.jobs", asked.jobs, RATE_JOBS);
        let period = Duration::try_from_secs_f64(asked.period_seconds).ok();
        let period = period.filter(|period| RATE_PERIOD.contains(period));
        if period.is_none() {
            let (least, most) = (RATE_PERIOD.start().as_secs(), RATE_PERIOD.end().as_secs());
            let message = format!("give a number of seconds from {least} to {most}");
            self.refuse("rate.period_seconds", "out_of_range", message);
        }
        Some(Rate {
            burst: burst?,
            period: period?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(name: &str, asked: Value) -> Result<QueueChange, Vec<(String, &'static str)>> {
        let asked = serde_json::from_value(asked).expect("the shape fits");
        judge(name, asked).map_err(|wrong| wrong.into_iter().map(|a| (a.field, a.code)).collect())
    }

    #[test]
    fn what_is_absent_stays_and_null_takes_back() {
        let change = judged("task", json!({"workers": 3, "at_once": null}));
        let expected = QueueChange {
            workers: Some(Some(3)),
            at_once: Some(None),
            ..QueueChange::default()
        };
        assert_eq!(change, Ok(expected));
        assert_eq!(judged("task", json!({})), Ok(QueueChange::default()));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = judged(
            "Re-ports",
            json!({
                "workers": 0, "at_once": 1_000_001, "at_once_per_key": -1,
                "rate": {"jobs": 0, "period_seconds": 0.5},
            }),
        );
        let fields = wrong.expect_err("all of it is wrong");
        let fields: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
        let expected = [
            "queue",
            "workers",
            "at_once",
            "at_once_per_key",
            "rate.jobs",
            "rate.period_seconds",
        ];
        assert_eq!(fields, expected);
    }
}
