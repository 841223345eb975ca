//! A sentence with placeholders: `Hello, {name}!`.

use std::fmt;

/// A sentence taken apart at its placeholders.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Literal(String),
    Placeholder(String),
}

impl Pattern {
    /// Takes a sentence apart; `None` if a brace lacks its partner.
    pub fn parse(source: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (name, tail) = tail.split_once('}')?;
            pieces.push(Piece::Literal(literal.to_owned()));
            pieces.push(Piece::Placeholder(name.to_owned()));
            rest = tail;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        let stray = |piece: &Piece| matches!(piece, Piece::Literal(text) if text.contains('}'));
        (!pieces.iter().any(stray)).then_some(Pattern(pieces))
    }

    /// The names of the placeholders, in the order of the sentence.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Placeholder(name) => Some(name.as_str()),
        })
    }

    /// The number that a counting sentence counts, or the placeholder that lacks one.
    pub fn count(&self, args: &[(&str, &str)]) -> Result<u64, &str> {
        let name = self.placeholders().next().unwrap_or("count");
        argument(args, name)
            .and_then(|value| value.parse().ok())
            .ok_or(name)
    }

    /// The text, or the placeholder that no argument fills.
    pub fn fill(&self, args: &[(&str, &str)]) -> Result<String, &str> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Placeholder(name) => {
                    text.push_str(argument(args, name).ok_or(name.as_str())?);
                }
            }
        }
        Ok(text)
    }
}

fn argument<'a>(args: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    args.iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| *value)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Literal(literal) => f.write_str(literal),
            Piece::Placeholder(name) => write!(f, "{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_by_name_as_often_as_they_stand() {
        let pattern = Pattern::parse("Hello {name}, {name}!").unwrap();
        assert_eq!(
            pattern.fill(&[("name", "Zoë"), ("age", "7")]),
            Ok("Hello Zoë, Zoë!".to_owned())
        );
        assert_eq!(pattern.fill(&[("age", "7")]), Err("name"));
    }

    #[test]
    fn a_value_is_never_taken_for_a_pattern() {
        let pattern = Pattern::parse("{a}{b}").unwrap();
        assert_eq!(
            pattern.fill(&[("a", "{b}"), ("b", "{")]),
            Ok("{b}{".to_owned())
        );
    }

    #[test]
    fn only_a_number_can_be_counted() {
        let pattern = Pattern::parse("{n} seconds").unwrap();
        assert_eq!(pattern.count(&[("n", "12")]), Ok(12));
        assert_eq!(pattern.count(&[("n", "soon")]), Err("n"));
        assert_eq!(pattern.count(&[]), Err("n"));
        assert_eq!(Pattern::parse("seconds").unwrap().count(&[]), Err("count"));
    }

    #[test]
    fn a_brace_without_its_partner_is_refused() {
        for source in ["a {", "a }", "{a} }", "{a"] {
            assert!(Pattern::parse(source).is_none(), "{source}");
        }
    }

    #[test]
    fn a_pattern_is_written_as_it_was_read() {
        for source in ["", "Wait.", "{n} of {m}", "{a}{b}"] {
            assert_eq!(Pattern::parse(source).unwrap().to_string(), source);
        }
    }
}
