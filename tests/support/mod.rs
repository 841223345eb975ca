//! What the tests share.

pub mod app;
pub mod axe;
pub mod browser;
pub mod certificate;
pub mod daemon;
pub mod database;
pub mod disk;
pub mod mail_server;
pub mod page;
pub mod program;
pub mod raw;
pub mod schemathesis;
pub mod smtp;
pub mod time_of_day;
pub mod visitor;
pub mod wire;
