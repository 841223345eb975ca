//! (room: text)

mod locale;

pub use locale::Locale;
