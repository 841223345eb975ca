//! The one test binary: a behaviour in each file.

mod config;
mod databases;
mod mail;
mod support;
mod tools;
