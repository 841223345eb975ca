//! What the tests share.

pub mod certificate;
pub mod mail_server;
pub mod smtp;
