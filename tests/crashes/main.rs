//! The program killed, and its actors made to fall, at every step that matters: nothing is lost, and nothing
//! is done twice but what was promised to be.
//!
//! A test binary of its own, because the program that it runs is built with the feature `fail-points`:
//! see `src/fail_points.rs`.

mod cell;
mod falls;
mod judge;
mod matrix;
mod people;
mod points;
mod poison;
mod stage;
mod table;
mod witness;

#[path = "../support"]
#[expect(dead_code, reason = "the other test binary uses the rest")]
mod support {
    pub mod certificate;
    pub mod daemon;
    pub mod database;
    pub mod program;
    pub mod raw;
    pub mod smtp;
}
