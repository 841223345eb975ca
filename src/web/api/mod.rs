//! The JSON API: sign-ups for everybody, the rest for operators.

pub mod actors;
pub mod cron;
pub mod flows;
pub mod health;
pub mod jobs;
pub mod many_jobs;
mod new_entry;
mod new_job;
mod object;
pub mod openapi;
pub mod queue_change;
pub mod queues;
mod refusals;
mod schemas;
pub mod signups;
mod unique;

pub use super::jobs::instant;
