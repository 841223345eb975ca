//! A job as an operator asks for it, judged before it is enqueued.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::unique::{self, UniqueJson};
use crate::{
    jobs::Catalogue,
    queue::{Due, Edit, LONGEST_KEY, MOST_ATTEMPTS, NewJob, is_limit_key},
    web::error::Argument,
};

/// As far off as a job may be; whatever is later is a slip.
const LATEST: f64 = 100.0 * 365.0 * 24.0 * 3600.0;

/// The first instant that RFC 3339 can tell.
const EARLIEST: Timestamp = Timestamp::constant(-62_167_219_200, 0);

// As the document has them, where they have to be written out.
const _: () = assert!(LATEST == 3_153_600_000.0 && MOST_ATTEMPTS == 1000);

/// What a program sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewJob)]
pub struct NewJobJson {
    kind: String,
    #[serde(default = "no_args")]
    args: Value,
    #[schema(format = DateTime)]
    run_at: Option<String>,
    #[schema(minimum = 0, maximum = 3153600000.0)]
    delay_seconds: Option<f64>,
    priority: Option<i32>,
    #[schema(minimum = 1, maximum = 1000)]
    max_attempts: Option<i32>,
    queue: Option<String>,
    limit_key: Option<String>,
    /// The short form of `unique`: a key, held until the job has ended.
    unique_key: Option<String>,
    unique: Option<UniqueJson>,
}

impl NewJobJson {
    /// Whether it is to be the only one of its kind and key.
    pub fn is_unique(&self) -> bool {
        self.unique_key.is_some() || self.unique.is_some()
    }
}

fn no_args() -> Value {
    Value::Object(Map::new())
}

/// What a program wants to change of a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobEdit)]
pub struct EditJson {
    args: Option<Value>,
    #[schema(format = DateTime)]
    run_at: Option<String>,
    #[schema(minimum = 0, maximum = 3153600000.0)]
    delay_seconds: Option<f64>,
    priority: Option<i32>,
    #[schema(minimum = 1, maximum = 1000)]
    max_attempts: Option<i32>,
}

/// The job, or all that is wrong with it.
pub fn judge(catalogue: &Catalogue, asked: NewJobJson) -> Result<NewJob, Vec<Argument>> {
    let mut wrong = Vec::new();
    let due = due(asked.run_at.as_deref(), asked.delay_seconds, &mut wrong);
    let attempts = attempts(asked.max_attempts, &mut wrong);
    let unique = unique::judge(asked.unique_key, asked.unique, &mut wrong);
    let kind = catalogue.kind(&asked.kind);
    let queue = asked.queue;
    if let Some(why) = kind
        .zip(queue.as_ref())
        .and_then(|(kind, queue)| kind.refuses(queue))
    {
        wrong.push(Argument::new("queue", "invalid", why));
    }
    let key = asked.limit_key;
    if key.as_ref().is_some_and(|key| !is_limit_key(key)) {
        let message = format!("give a text of 1 to {LONGEST_KEY} bytes, none of them zero");
        wrong.push(Argument::new("limit_key", "out_of_range", message));
    }
    match catalogue.new_job(&asked.kind, asked.args) {
        Ok(new) if wrong.is_empty() => Ok(NewJob {
            due: due.unwrap_or(new.due),
            priority: asked.priority.unwrap_or(new.priority),
            max_attempts: attempts.unwrap_or(new.max_attempts),
            unique: unique.or(new.unique),
            queue: queue.unwrap_or(new.queue),
            limit_key: key.or(new.limit_key),
            ..new
        }),
        Ok(_) => Err(wrong),
        Err(error) => {
            wrong.push(error.into());
            Err(wrong)
        }
    }
}

/// The edit, or all that is wrong with it; whether its arguments fit is for whoever knows the job to say.
pub fn judge_edit(asked: EditJson) -> Result<Edit, Vec<Argument>> {
    let mut wrong = Vec::new();
    let edit = Edit {
        due: due(asked.run_at.as_deref(), asked.delay_seconds, &mut wrong),
        priority: asked.priority,
        args: asked.args,
        max_attempts: attempts(asked.max_attempts, &mut wrong),
        place: None,
    };
    match wrong.is_empty() {
        true => Ok(edit),
        false => Err(wrong),
    }
}

fn due(at: Option<&str>, delay: Option<f64>, wrong: &mut Vec<Argument>) -> Option<Due> {
    let mut refuse = |field, code, message| wrong.push(Argument::new(field, code, message));
    match (at, delay) {
        (None, None) => None,
        (Some(_), Some(_)) => {
            let message = "give either run_at or delay_seconds".to_owned();
            refuse("delay_seconds", "conflict", message);
            None
        }
        (Some(at), None) => match at.parse::<Timestamp>() {
            Ok(at) if at >= EARLIEST => Some(Due::At(at)),
            Ok(_) => {
                let message = "give an instant of the year 0000 or later".to_owned();
                refuse("run_at", "out_of_range", message);
                None
            }
            Err(error) => {
                let message = format!("give an instant as of RFC 3339: {error}");
                refuse("run_at", "invalid", message);
                None
            }
        },
        (None, Some(seconds)) if (0.0..=LATEST).contains(&seconds) => {
            Some(Due::After(Duration::from_secs_f64(seconds)))
        }
        (None, Some(_)) => {
            let message = format!("give a number of seconds from 0 to {LATEST}");
            refuse("delay_seconds", "out_of_range", message);
            None
        }
    }
}

fn attempts(attempts: Option<i32>, wrong: &mut Vec<Argument>) -> Option<i32> {
    if attempts.is_some_and(|attempts| !(1..=MOST_ATTEMPTS).contains(&attempts)) {
        let message = format!("give a whole number from 1 to {MOST_ATTEMPTS}");
        wrong.push(Argument::new("max_attempts", "out_of_range", message));
    }
    attempts
}

/// All of them, or all that is wrong with any.
pub fn judge_all(
    catalogue: &Catalogue,
    asked: Vec<NewJobJson>,
) -> Result<Vec<NewJob>, Vec<Argument>> {
    let mut jobs = Vec::with_capacity(asked.len());
    let mut wrong = Vec::new();
    for (index, asked) in asked.into_iter().enumerate() {
        match judge(catalogue, asked) {
            Ok(job) => jobs.push(job),
            Err(arguments) => wrong.extend(arguments.into_iter().map(|argument| Argument {
                field: format!("jobs[{index}].{}", argument.field),
                ..argument
            })),
        }
    }
    if wrong.is_empty() {
        Ok(jobs)
    } else {
        Err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(asked: Value) -> Result<NewJob, Vec<(String, &'static str)>> {
        let catalogue = crate::jobs::catalogue()
            .build()
            .expect("our own kinds agree");
        let asked = serde_json::from_value(asked).expect("the shape fits");
        judge(&catalogue, asked)
            .map_err(|wrong| wrong.into_iter().map(|a| (a.field, a.code)).collect())
    }

    #[test]
    fn a_job_is_due_at_once_unless_it_says_when() {
        let now = judged(json!({"kind": "simple_task"})).unwrap();
        assert_eq!(now.due, Due::After(Duration::ZERO));
        let later = judged(json!({"kind": "simple_task", "delay_seconds": 1.5})).unwrap();
        assert_eq!(later.due, Due::After(Duration::from_millis(1500)));
        let at = json!({"kind": "simple_task", "run_at": "2026-12-24T18:00:00Z"});
        assert_eq!(
            judged(at).unwrap().due,
            Due::At("2026-12-24T18:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn a_year_that_no_answer_could_tell_is_refused() {
        let before = json!({"kind": "simple_task", "run_at": "-000001-12-31T23:59:59Z"});
        let wrong = judged(before).unwrap_err();
        assert_eq!(wrong, [("run_at".to_owned(), "out_of_range")]);
        let first = json!({"kind": "simple_task", "run_at": "0000-01-01T00:00:00Z"});
        assert!(judged(first).is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = judged(json!({
            "kind": "no_such_kind", "run_at": "tomorrow", "max_attempts": 0,
        }));
        assert_eq!(
            wrong.unwrap_err(),
            [
                ("run_at".to_owned(), "invalid"),
                ("max_attempts".to_owned(), "out_of_range"),
                ("kind".to_owned(), "unknown"),
            ]
        );
        let wrong = judged(json!({"kind": "parameter_task", "delay_seconds": -1}));
        assert_eq!(
            wrong.unwrap_err(),
            [
                ("delay_seconds".to_owned(), "out_of_range"),
                ("args".to_owned(), "invalid")
            ]
        );
    }

    #[test]
    fn a_batch_tells_which_job_is_wrong() {
        let catalogue = crate::jobs::catalogue()
            .build()
            .expect("our own kinds agree");
        let asked = json!([{"kind": "simple_task"}, {"kind": "x"}]);
        let wrong = judge_all(&catalogue, serde_json::from_value(asked).unwrap()).unwrap_err();
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].field, "jobs[1].kind");
    }
}
