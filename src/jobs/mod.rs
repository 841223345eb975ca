//! (room: jobs)
