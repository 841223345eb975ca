//! The one test binary: a behaviour in each file.

mod mail;
mod support;
mod tools;
