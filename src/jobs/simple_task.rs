//! A task without arguments: some seconds of pretended work.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Context, Done, JobError, Task};
use crate::{
    config::LONGEST_TASK,
    queue::{Job, Policy},
};

/// Works for as long as `--simple-task` says.
#[derive(Deserialize, Serialize)]
pub struct SimpleTask {}

impl Job for SimpleTask {
    const KIND: &'static str = "simple_task";
    const POLICY: Policy = Policy {
        time_limit: LONG,
        ..Policy::DEFAULT
    };
}

/// Longer than `--simple-task` and `--parameter-task` can be, by as long as any other task may take.
pub(super) const LONG: Duration = LONGEST_TASK.saturating_add(Policy::DEFAULT.time_limit);

impl Task for SimpleTask {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        let end = cx.begun() + cx.config().simple_task;
        cx.clock().sleep_until(end).await;
        let reader = cx.reader().await?;
        let locale = reader.map_or_else(|| cx.default_locale(), |reader| reader.locale);
        Ok(cx.sentence(locale, "jobs.result.simple_task", &[]).into())
    }
}
