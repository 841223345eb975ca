//! What a command says on standard output: aligned for people, one line of JSON for programs.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use jiff::Timestamp;
use serde::Serialize;

/// A part of a longer list.
pub(super) struct Page<T> {
    pub rows: Vec<T>,
    /// Where the next one begins; `None` on the last one.
    pub next_cursor: Option<i64>,
}

impl<T> Page<T> {
    /// Makes a page of `limit` rows out of one row more, if there is one more. `number` is what the list runs by.
    pub(super) fn cut(mut rows: Vec<T>, limit: u16, number: impl Fn(&T) -> i64) -> Self {
        let more = rows.len() > usize::from(limit);
        rows.truncate(limit.into());
        let next_cursor = rows.last().filter(|_| more).map(number);
        Page { rows, next_cursor }
    }

    /// Tells people how to see the rest.
    pub(super) fn tell_more(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.next_cursor {
            Some(cursor) => writeln!(out, "\nthere are more: add --cursor {cursor}"),
            None => Ok(()),
        }
    }
}

/// One line for programs.
pub(super) fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// Columns as wide as their widest cell; numbers stand to the right.
pub(super) fn table<const N: usize>(
    out: &mut dyn Write,
    head: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let rows: Vec<[Cow<str>; N]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| printable(cell)))
        .collect();
    let columns: [(usize, bool); N] = std::array::from_fn(|column| {
        let cells = || rows.iter().map(|row| &row[column]);
        let width = cells().map(|cell| cell.chars().count()).max();
        let number = |cell: &Cow<str>| cell.bytes().all(|byte| byte.is_ascii_digit());
        let width = width.unwrap_or_default().max(head[column].len());
        (width, cells().all(number))
    });
    let mut line = |cells: [&str; N]| {
        let mut line = String::new();
        for (cell, (width, right)) in cells.into_iter().zip(columns) {
            line += &match right {
                true => format!("{cell:>width$}  "),
                false => format!("{cell:<width$}  "),
            };
        }
        writeln!(out, "{}", line.trim_end())
    };
    line(head)?;
    rows.iter()
        .try_for_each(|row| line(row.each_ref().map(AsRef::as_ref)))
}

/// Names and values, a line each; what has no value is left out.
pub(super) fn pairs(out: &mut dyn Write, pairs: &[(&str, Option<String>)]) -> io::Result<()> {
    let width = pairs.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or_default();
    pairs.iter().try_for_each(|(name, value)| match value {
        Some(value) => writeln!(out, "{name:<width$}  {}", printable(value)),
        None => Ok(()),
    })
}

/// An instant for people.
pub(super) fn instant(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A stored text may hold what a terminal would obey, or a second line.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let escaped = text.chars().map(|char| match char {
        char if char.is_control() => char.escape_default().to_string(),
        char => char.to_string(),
    });
    escaped.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(say: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        say(&mut out).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let rows = [["7", "welcome_email"], ["123", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            said(|out| table(out, ["ID", "KIND"], &rows)),
            " ID  KIND\n  7  welcome_email\n123  x\n"
        );
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        let pair = [
            ("error", Some("\u{1b}[2J\nfake".to_owned())),
            ("result", None),
        ];
        assert_eq!(said(|out| pairs(out, &pair)), "error   \\u{1b}[2J\\nfake\n");
    }

    #[test]
    fn a_page_knows_whether_there_is_another() {
        let page = Page::cut(vec![9, 8, 7], 2, |number| *number);
        assert_eq!((page.rows, page.next_cursor), (vec![9, 8], Some(8)));
        let page = Page::cut(vec![9, 8], 2, |number| *number);
        assert_eq!((page.rows, page.next_cursor), (vec![9, 8], None));
    }

    #[test]
    fn people_get_seconds() {
        let at: Timestamp = "2026-11-22T12:00:10.000007Z".parse().expect("an instant");
        assert_eq!(instant(at), "2026-11-22 12:00:10 UTC");
    }
}
