//! The name that a user is known by: what is shown, and the key that tells two names apart.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{
    Field, FieldError,
    letters::{alphabet, fold, is_letter_or_digit, visible},
};

/// A name of 3 to 30 letters, digits, `.`, `_` and `-` that begins with a letter or a digit.
///
/// Letters and digits of every script will do, after NFKC. Of the marks that combine with a letter
/// only those that Unicode counts as alphabetic remain (the vowel signs of Devanagari or Thai):
/// accents compose with their letters, and a pile of them on one letter is refused. A name that
/// mixes Latin, Greek and Cyrillic letters is refused too, since they hold look-alikes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Username {
    shown: String,
    key: String,
}

impl Username {
    /// The fewest characters (Unicode scalar values, after NFKC).
    pub const MIN_CHARS: usize = 3;
    /// The most characters.
    pub const MAX_CHARS: usize = 30;

    /// Judges what somebody typed; white space around it does not count.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let shown = normalise(text);
        judge(&shown)?;
        let key = fold(&shown);
        if is_reserved(&key) {
            return Err(refuse("reserved"));
        }
        Ok(Self { shown, key })
    }

    /// The name as its owner writes it, in NFKC.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// What uniqueness is judged by. Folding may lengthen a name: up to three times as many characters.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key that a name would have, whether it is a good name or not: for looking somebody up.
    pub fn key_of(text: &str) -> String {
        fold(&normalise(text))
    }
}

fn refuse(code: &'static str) -> FieldError {
    FieldError::new(Field::Username, code)
}

fn normalise(text: &str) -> String {
    // Trimmed last: NFKC turns some characters into spaces, and a part of a text in NFKC is in NFKC.
    text.nfkc().collect::<String>().trim().to_owned()
}

fn judge(name: &str) -> Result<(), FieldError> {
    let first = name.chars().next().ok_or_else(|| refuse("required"))?;
    if let Some(stranger) = name.chars().find(|&c| !is_allowed(c)) {
        return Err(if stranger.is_whitespace() {
            refuse("contains_space")
        } else {
            refuse("invalid_character").with("character", visible(stranger))
        });
    }
    if !is_letter_or_digit(first) || is_combining_mark(first) {
        return Err(refuse("must_start_with_letter_or_digit"));
    }
    let limit = |code| {
        refuse(code)
            .with("min", Username::MIN_CHARS)
            .with("max", Username::MAX_CHARS)
    };
    match name.chars().count() {
        ..Username::MIN_CHARS => return Err(limit("too_short")),
        Username::MIN_CHARS..=Username::MAX_CHARS => {}
        _ => return Err(limit("too_long")),
    }
    let mut alphabets = name.chars().filter_map(alphabet);
    if let Some(alphabet) = alphabets.next()
        && alphabets.any(|other| other != alphabet)
    {
        return Err(refuse("mixed_scripts"));
    }
    Ok(())
}

fn is_allowed(c: char) -> bool {
    matches!(c, '.' | '_' | '-') || is_letter_or_digit(c)
}

/// Names that would seem to speak for the house, that its addresses use (RFC 2142), or that
/// programs mistake for nothing. Compared without separators, so that `Ad-Min` is one of them.
const RESERVED: &str = "
    abuse account admin administrador administradora administrator ajuda anonimo anonymous
    anônimo api assets atendimento billing cadastro conta contact contato daemon dashboard
    equipe financeiro ftp healthz help hostmaster info localhost login logout mailerdaemon
    marketing metrics moderador moderator naoresponda news nobody noc noreply null nãoresponda
    official oficial operador operator owner postmaster privacidade privacy readyz root sales
    security seguranca segurança signup sistema staff static superuser suporte support sysadmin
    system undefined usenet uucp vendas webmaster www
";

fn is_reserved(key: &str) -> bool {
    let bare = key.replace(['.', '_', '-'], "");
    RESERVED.split_whitespace().any(|name| name == bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Username::parse(text).unwrap().key
    }

    fn code(text: &str) -> &'static str {
        Username::parse(text).unwrap_err().code
    }

    #[test]
    fn letters_digits_and_three_separators_make_a_name() {
        for name in [
            "ana",
            "maria.silva",
            "João_2",
            "x-1",
            "123",
            "Ñandú",
            "山田太郎",
            "สมชาย",
        ] {
            assert_eq!(Username::parse(name).unwrap().shown(), name);
        }
    }

    #[test]
    fn white_space_around_a_name_does_not_count() {
        assert_eq!(
            Username::parse(" \u{A0}maria\t\n").unwrap().shown(),
            "maria"
        );
    }

    #[test]
    fn a_name_is_shown_as_typed_and_compared_without_case() {
        assert_eq!(Username::parse("MARIA").unwrap().shown(), "MARIA");
        assert_eq!(key("MARIA"), key("maria"));
        assert_eq!(key("JOÃO"), key("joão"));
        assert_eq!(key("ΟΔΟΣ"), key("οδος"));
        assert_eq!(key("strasse"), key("Straße"));
    }

    #[test]
    fn ways_of_writing_the_same_letters_are_one_name() {
        assert_eq!(key("jose\u{301}"), key("josé"));
        assert_eq!(key("ｍａｒｉａ"), key("maria"));
        assert_eq!(key("ﬁlipe"), key("filipe"));
    }

    #[test]
    fn accents_alone_still_tell_names_apart() {
        assert_ne!(key("joao"), key("joão"));
    }

    #[test]
    fn three_to_thirty_characters_are_counted_not_bytes() {
        assert_eq!(code("ab"), "too_short");
        assert_eq!(key("ção"), "ção");
        assert!(Username::parse(&"ã".repeat(30)).is_ok());
        let error = Username::parse(&"ã".repeat(31)).unwrap_err();
        assert_eq!(error.code, "too_long");
        assert_eq!(
            error.args,
            [("min", "3".to_owned()), ("max", "30".to_owned())]
        );
    }

    #[test]
    fn nothing_at_all_is_asked_for() {
        assert_eq!(code(""), "required");
        assert_eq!(code(" \t "), "required");
    }

    #[test]
    fn the_first_stranger_is_named() {
        assert_eq!(code("maria silva"), "contains_space");
        for (name, stranger) in [
            ("maria@silva", "@"),
            ("<b>maria", "<"),
            ("o'neil", "'"),
            ("maria🌻", "🌻"),
            ("❶maria", "❶"),
            ("ma\u{200B}ria", "U+200B"),
            ("ma\0ria", "U+0000"),
            ("\u{202E}airam", "U+202E"),
            ("maria\u{FE0F}", "U+FE0F"),
            ("x\u{307}\u{307}ab", "U+0307"),
            ("ana\u{3164}", "U+1160"),
        ] {
            let error = Username::parse(name).unwrap_err();
            assert_eq!(error.code, "invalid_character", "{name:?}");
            assert_eq!(error.args, [("character", stranger.to_owned())]);
        }
    }

    #[test]
    fn a_name_begins_with_a_letter_or_a_digit() {
        for name in [".maria", "-rf", "_ana", "...", "\u{E34}abc"] {
            assert_eq!(code(name), "must_start_with_letter_or_digit", "{name:?}");
        }
    }

    #[test]
    fn alphabets_that_look_alike_are_not_mixed() {
        assert_eq!(code("m\u{430}ria"), "mixed_scripts");
        assert_eq!(code("\u{3BF}scar"), "mixed_scripts");
        assert!(Username::parse("мария_2").is_ok());
    }

    #[test]
    fn names_that_speak_for_the_house_are_reserved() {
        for name in [
            "admin",
            "ADMIN",
            "ｒｏｏｔ",
            "suporte",
            "ad.min",
            "no-reply",
            "Segurança",
            "admın",
        ] {
            assert_eq!(code(name), "reserved", "{name:?}");
        }
        assert!(Username::parse("adminton").is_ok());
    }

    #[test]
    fn every_reserved_name_is_written_as_its_key() {
        for name in RESERVED.split_whitespace() {
            assert_eq!(fold(name), name);
            assert!(is_reserved(name));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_an_error(text in any::<String>()) {
            let _ = Username::parse(&text);
            let _ = Username::key_of(&text);
        }

        #[test]
        fn a_name_read_back_is_the_same_name(text in r"[\p{L}\p{M}\p{N}._-]{1,12}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(&Username::parse(name.shown()).unwrap(), &name);
                prop_assert_eq!(Username::key_of(&text), name.key());
                prop_assert_eq!(fold(name.key()), name.key());
            }
        }

        #[test]
        fn case_never_makes_two_names_of_one(text in "[a-zà-ÿα-ωа-я0-9._-]{3,30}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(Username::key_of(&text.to_uppercase()), name.key());
            }
        }
    }
}
