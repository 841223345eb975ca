//! (room: mail)
