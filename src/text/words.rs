//! Sentences by key: `templates/text/{pt-BR,en}.toml`, tables flattened to dotted keys.
//!
//! A sentence may hold placeholders, as [`Pattern`] has it. One that counts something is a table of two:
//!
//! ```toml
//! throttled = { one = "Wait {seconds} second.", other = "Wait {seconds} seconds." }
//! ```
//!
//! What it counts is its only placeholder.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Locale, pattern::Pattern};

/// Every sentence of one language.
#[derive(Debug)]
pub(super) struct Words {
    locale: Locale,
    sentences: BTreeMap<String, Sentence>,
}

#[derive(Debug)]
enum Sentence {
    Plain(Pattern),
    Counted { one: Pattern, other: Pattern },
}

/// Why a sentence could not be said.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// The file is not TOML.
    #[error(transparent)]
    NotToml(#[from] toml::de::Error),
    /// The file holds something that is neither a sentence nor a table of sentences.
    #[error("`{0}` is neither a sentence nor a table of sentences")]
    NotASentence(String),
    /// Two files say it.
    #[error("the sentence `{0}` is there twice")]
    Twice(String),
    /// A brace without its partner.
    #[error("`{0}` has an unbalanced brace")]
    UnbalancedBrace(String),
    /// Nobody wrote this sentence.
    #[error("there is no sentence `{0}`")]
    UnknownKey(String),
    /// The caller left a placeholder empty, or gave no number to a sentence that counts.
    #[error("the sentence `{key}` needs a value for `{placeholder}`")]
    MissingArgument {
        /// The sentence.
        key: String,
        /// What was to stand in it.
        placeholder: String,
    },
}

impl Words {
    /// Nothing is said in this language yet.
    pub fn new(locale: Locale) -> Self {
        Words {
            locale,
            sentences: BTreeMap::new(),
        }
    }

    /// Adds the sentences of a TOML source.
    pub fn add(&mut self, source: &str) -> Result<(), WordsError> {
        self.flatten("", source.parse()?)
    }

    /// Whose sentences they are.
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// The keys of all sentences.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.sentences.keys().map(String::as_str)
    }

    fn flatten(&mut self, prefix: &str, table: Table) -> Result<(), WordsError> {
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}.{name}")
            };
            match value {
                Value::String(source) => {
                    let sentence = Sentence::Plain(pattern(&key, &source)?);
                    self.insert(key, sentence)?;
                }
                Value::Table(table) => match counted(&table) {
                    Some((one, other)) => {
                        let sentence = Sentence::Counted {
                            one: pattern(&key, one)?,
                            other: pattern(&key, other)?,
                        };
                        self.insert(key, sentence)?;
                    }
                    None => self.flatten(&key, table)?,
                },
                _ => return Err(WordsError::NotASentence(key)),
            }
        }
        Ok(())
    }

    fn insert(&mut self, key: String, sentence: Sentence) -> Result<(), WordsError> {
        if self.contains(&key) {
            return Err(WordsError::Twice(key));
        }
        self.sentences.insert(key, sentence);
        Ok(())
    }

    /// Whether somebody wrote this sentence.
    pub fn contains(&self, key: &str) -> bool {
        self.sentences.contains_key(key)
    }

    /// The sentence with its placeholders filled; arguments it does not ask for are ignored.
    pub fn say(&self, key: &str, args: &[(&str, &str)]) -> Result<String, WordsError> {
        let sentence = self
            .sentences
            .get(key)
            .ok_or_else(|| WordsError::UnknownKey(key.to_owned()))?;
        let pattern = match sentence {
            Sentence::Plain(pattern) => Ok(pattern),
            Sentence::Counted { one, other } => other.count(args).map(|count| {
                if self.locale.is_singular(count) {
                    one
                } else {
                    other
                }
            }),
        };
        pattern
            .and_then(|pattern| pattern.fill(args))
            .map_err(|placeholder| WordsError::MissingArgument {
                key: key.to_owned(),
                placeholder: placeholder.to_owned(),
            })
    }

    /// The sentence as it was written, placeholders and all.
    pub fn unfilled(&self, key: &str) -> Option<String> {
        self.sentences.get(key).map(|sentence| match sentence {
            Sentence::Plain(pattern) | Sentence::Counted { other: pattern, .. } => {
                pattern.to_string()
            }
        })
    }
}

/// The two forms of a sentence that counts.
fn counted(table: &Table) -> Option<(&str, &str)> {
    match (table.len(), table.get("one"), table.get("other")) {
        (2, Some(Value::String(one)), Some(Value::String(other))) => Some((one, other)),
        _ => None,
    }
}

fn pattern(key: &str, source: &str) -> Result<Pattern, WordsError> {
    Pattern::parse(source).ok_or_else(|| WordsError::UnbalancedBrace(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PORTUGUESE: &str = include_str!("../../templates/text/pt-BR.toml");
    const ENGLISH: &str = include_str!("../../templates/text/en.toml");

    fn parse(locale: Locale, source: &str) -> Result<Words, WordsError> {
        let mut words = Words::new(locale);
        words.add(source)?;
        Ok(words)
    }

    fn words(source: &str) -> Words {
        parse(Locale::En, source).unwrap()
    }

    /// Each key with the shape a translation must keep: does it count, and what stands in it?
    fn shape(words: &Words) -> BTreeMap<&str, (bool, BTreeSet<&str>)> {
        let shape = |sentence: &'_ Sentence| match sentence {
            Sentence::Plain(_) => false,
            Sentence::Counted { .. } => true,
        };
        words
            .sentences
            .iter()
            .map(|(key, sentence)| {
                let (Sentence::Plain(pattern) | Sentence::Counted { other: pattern, .. }) =
                    sentence;
                (
                    key.as_str(),
                    (shape(sentence), pattern.placeholders().collect()),
                )
            })
            .collect()
    }

    #[test]
    fn both_languages_hold_the_same_sentences_with_the_same_placeholders() {
        let portuguese = parse(Locale::PtBr, PORTUGUESE).unwrap();
        let english = parse(Locale::En, ENGLISH).unwrap();
        let (portuguese, english) = (shape(&portuguese), shape(&english));

        let differing: Vec<_> = portuguese
            .keys()
            .chain(english.keys())
            .filter(|key| portuguese.get(*key) != english.get(*key))
            .collect();
        assert!(differing.is_empty(), "{differing:?}");
    }

    #[test]
    fn a_sentence_that_counts_has_one_placeholder() {
        for (source, locale) in [(PORTUGUESE, Locale::PtBr), (ENGLISH, Locale::En)] {
            for (key, (counts, placeholders)) in shape(&parse(locale, source).unwrap()) {
                assert!(!counts || placeholders.len() == 1, "{locale} {key}");
            }
        }
    }

    #[test]
    fn tables_are_flattened_and_placeholders_filled() {
        let words = words("[greeting]\nmorning = 'Hello {name}, {name}!'");

        assert_eq!(
            words.say("greeting.morning", &[("name", "Zoë")]).unwrap(),
            "Hello Zoë, Zoë!"
        );
        assert!(matches!(
            words.say("greeting.morning", &[]),
            Err(WordsError::MissingArgument { placeholder, .. }) if placeholder == "name"
        ));
        assert!(matches!(
            words.say("greeting", &[]),
            Err(WordsError::UnknownKey(_))
        ));
    }

    #[test]
    fn a_counting_sentence_agrees_with_its_number() {
        let source = "wait = { one = '{n} second', other = '{n} seconds' }";
        let english = words(source);
        let portuguese = parse(Locale::PtBr, source).unwrap();

        assert_eq!(english.say("wait", &[("n", "1")]).unwrap(), "1 second");
        assert_eq!(english.say("wait", &[("n", "0")]).unwrap(), "0 seconds");
        assert_eq!(portuguese.say("wait", &[("n", "0")]).unwrap(), "0 second");
        assert!(english.say("wait", &[("n", "soon")]).is_err());
    }

    #[test]
    fn what_is_not_a_sentence_is_refused() {
        for source in ["a = 1", "a = ['b']", "a = 'b {c'", "a = 'b} c'", "a ="] {
            assert!(parse(Locale::En, source).is_err(), "{source}");
        }
    }
}
