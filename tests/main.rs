//! The one test binary: a behaviour in each file.

mod api;
mod browser;
mod cli;
mod config;
mod databases;
mod delays;
mod embedding;
mod house;
mod instances;
mod languages;
mod letters;
mod limits;
mod login;
mod mail;
mod metrics;
mod model;
mod outage;
mod recovery;
mod retries;
mod secrets;
mod security;
mod signup;
mod support;
mod testing;
mod tls;
mod tools;
