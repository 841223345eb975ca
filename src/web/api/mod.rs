//! The JSON API: sign-ups for everybody, the rest for operators.

pub mod actors;
pub mod cron;
pub mod flows;
pub mod health;
pub mod jobs;
mod new_entry;
mod new_job;
pub mod openapi;
pub mod queue_change;
pub mod queues;
mod refusals;
mod schemas;
pub mod signups;

pub use super::jobs::instant;
