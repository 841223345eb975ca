//! The catalogue: what can be done later. Two lines here for each kind.

mod builder;
mod context;
mod crontab;
mod parameter_task;
mod prune_jobs;
mod registry;
mod retry_after;
mod simple_task;
mod step;
mod welcome_email;
mod work;

pub use builder::{CatalogueBuilder, CatalogueError};
pub use context::{Context, Tools};
pub use crontab::BadEntry;
pub use registry::{Catalogue, Kind, Unfit, Work, decode};
pub use work::{Done, JobError, Letter, Task};

use crate::{
    account::UserId,
    config::Config,
    queue::{Job, NewJob, SignupId},
};
use parameter_task::{Parameter, ParameterTask};
use prune_jobs::PruneJobs;
use simple_task::SimpleTask;
use welcome_email::WelcomeEmail;

/// The kinds that cadastro itself knows; a program that embeds it adds its own.
pub fn catalogue() -> CatalogueBuilder {
    Catalogue::builder()
        .letter::<WelcomeEmail>()
        .task::<SimpleTask>()
        .task::<ParameterTask>()
        .task::<PruneJobs>()
}

/// What a sign-up starts.
pub fn at_sign_up(config: &Config, signup: SignupId) -> Vec<NewJob> {
    vec![
        WelcomeEmail { signup }.after(config.welcome_delay),
        SimpleTask {}.now(),
        ParameterTask::of(Parameter::Signup { signup }).now(),
    ]
}

/// What a log-in starts.
pub fn at_log_in(user: UserId) -> Vec<NewJob> {
    vec![
        ParameterTask::of(Parameter::User { user })
            .now()
            .of_user(user.0),
    ]
}

/// What a log-out starts.
pub fn at_log_out(user: UserId) -> Vec<NewJob> {
    vec![SimpleTask {}.now().of_user(user.0)]
}
