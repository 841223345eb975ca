//! The pages. None of them writes: they read the store and ask an actor.

pub mod blank;
pub mod home;
pub mod language;
pub mod login;
pub mod mailbox;
pub mod receipt;
pub mod signup;
