//! The one test binary: a behaviour in each file.

mod browser;
mod config;
mod delays;
mod mail;
mod retries;
mod support;
mod tools;
