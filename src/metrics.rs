//! (room: metrics)
