//! The one test binary: a behaviour in each file.

mod browser;
mod cli;
mod config;
mod databases;
mod delays;
mod house;
mod letters;
mod mail;
mod recovery;
mod retries;
mod support;
mod tls;
mod tools;
