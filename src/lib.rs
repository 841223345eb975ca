//! Sign-up with delayed jobs, in one binary.
//!
//! A room imports only from the floors below its own:
//!
//! ```text
//! cli, testing                                   the doors for people with a terminal, and for tests
//! app                                            builds the rooms, closes them in reverse order
//! web                                            the door for browsers and programs
//! actors                                         Registrar, Scheduler, EmailActor, TaskActor
//! jobs                                           the catalogue: what can be done later
//! store, mail                                    memory; the way out
//! account                                        who signed up: plain data
//! queue, text, config, metrics, clock, telemetry rules and tools; they import nothing of ours
//! fail_points                                    where tests let it break; nothing in a release
//! ```

pub mod account;
pub mod actors;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
mod fail_points;
pub mod jobs;
pub mod mail;
pub mod metrics;
pub mod queue;
pub mod store;
pub mod telemetry;
pub mod testing;
pub mod text;
pub mod web;
