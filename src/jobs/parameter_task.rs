//! A task with a parameter: some more seconds of pretended work, with progress.

use serde::{Deserialize, Serialize};

use super::{Context, Done, JobError, Task, simple_task::LONG};
use crate::{
    account::UserId,
    fail_points,
    queue::{Job, Policy, SignupId},
};

/// Works for as long as `--parameter-task` says, and then names its parameter.
#[derive(Deserialize, Serialize)]
pub struct ParameterTask {
    parameter: Parameter,
}

/// Whom or what the task is about.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub enum Parameter {
    /// Whoever signed up; named when the task is done, so that no name is stored here.
    Signup { signup: SignupId },
    /// Whoever logged in; likewise.
    User { user: UserId },
    /// Anything else, as an operator gave it.
    Text(String),
    /// Likewise, a number.
    Number(serde_json::Number),
}

impl ParameterTask {
    /// The task about this parameter.
    pub fn of(parameter: Parameter) -> Self {
        ParameterTask { parameter }
    }
}

impl Job for ParameterTask {
    const KIND: &'static str = "parameter_task";
    const POLICY: Policy = Policy {
        time_limit: LONG,
        ..Policy::DEFAULT
    };
}

/// How often the task tells how far it has come.
const STEPS: i32 = 20;

impl Task for ParameterTask {
    async fn run(self, cx: Context) -> Result<Done, JobError> {
        for step in 1..=STEPS {
            let share = cx.config().parameter_task * step as u32 / STEPS as u32;
            cx.clock().sleep_until(cx.begun() + share).await;
            fail_points::pass!("handler.middle");
            cx.progress(100 * step / STEPS);
        }
        let reader = cx.reader().await?;
        let locale = match &reader {
            Some(reader) => reader.locale,
            None => cx.default_locale(),
        };
        let parameter = match self.parameter {
            Parameter::Text(text) => text,
            Parameter::Number(number) => number.to_string(),
            Parameter::Signup { .. } | Parameter::User { .. } => {
                let reader = reader.ok_or_else(|| JobError::cancel("the user is gone"))?;
                reader.name
            }
        };
        let args = [("parameter", parameter.as_str())];
        let result = cx.sentence(locale, "jobs.result.parameter_task", &args);
        Ok(result.into())
    }
}
