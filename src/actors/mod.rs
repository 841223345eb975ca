//! (room: actors)
