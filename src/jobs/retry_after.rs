//! When another service wants to be asked again: HTTP's `Retry-After`.

use std::{error::Error, time::Duration};

use jiff::Timestamp;

use super::{Context, JobError};

impl Context {
    /// A call over HTTP has failed, and the answer had this `Retry-After`, if any: seconds, or a date.
    ///
    /// Without one that can be read, the policy's back-off decides, as for any failure.
    pub fn retry_after(
        &self,
        header: Option<&str>,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> JobError {
        match header.and_then(|header| wait(header, self.clock().now())) {
            Some(after) => JobError::retry_after(after, error),
            None => JobError::Failed(error.into()),
        }
    }
}

fn wait(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long time all the same.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    let left = Timestamp::try_from(date).ok()?.duration_since(now);
    // A date that has passed means at once.
    Some(Duration::try_from(left).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(header: &str) -> Option<u64> {
        let now = "1994-11-06T08:49:00Z".parse().expect("an instant");
        wait(header, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_by_a_date_in_any_of_the_three_forms() {
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("99999999999999999999999"), Some(u64::MAX));
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(seconds(date), Some(37), "{date}");
        }
        assert_eq!(seconds("Sun, 06 Nov 1994 08:48:00 GMT"), Some(0));
    }

    #[test]
    fn what_is_neither_says_nothing() {
        for header in ["", "-1", "1.5", "soon", "Sun, 06 Nov 1994"] {
            assert_eq!(seconds(header), None, "{header}");
        }
    }
}
