//! What Unicode leaves to us: letters that count as equal, letters that can be seen.

use unicode_normalization::UnicodeNormalization;

/// Case folded so that two names that differ only in case are one. By way of upper case, which
/// unites what lower case keeps apart: `σ` and `ς`, `ß` and `ss`, `i` and `ı`; and not at once, since
/// `ẞ` is in upper case already.
pub(super) fn fold(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkc()
        .collect()
}

/// A letter or a digit of any script that can be seen and is written as one.
pub(super) fn is_letter_or_digit(c: char) -> bool {
    c.is_alphanumeric() && !is_blank(c) && !is_pictured(c)
}

/// Letters and symbols to Unicode, nothing to the eye: Hangul fillers, empty hieroglyphs and Braille.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{115F}' | '\u{1160}' | '\u{2800}' | '\u{13441}' | '\u{13442}'
    )
}

/// Letters and digits in circles and boxes that NFKC leaves as they are.
fn is_pictured(c: char) -> bool {
    matches!(c, '\u{24EA}'..='\u{24FF}' | '\u{2776}'..='\u{2793}' | '\u{1F100}'..='\u{1F1FF}')
}

/// The three alphabets that share many of their shapes.
#[derive(Debug, PartialEq)]
pub(super) enum Alphabet {
    Latin,
    Greek,
    Cyrillic,
}

/// Which of the three it is, by Unicode block.
pub(super) fn alphabet(c: char) -> Option<Alphabet> {
    match c {
        'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => {
            Some(Alphabet::Latin)
        }
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Some(Alphabet::Greek),
        '\u{400}'..='\u{52F}' | '\u{1C80}'..='\u{1C8F}' | '\u{A640}'..='\u{A69F}' => {
            Some(Alphabet::Cyrillic)
        }
        _ => None,
    }
}

/// The character, or its number where nothing would be seen.
pub(super) fn visible(c: char) -> String {
    let unseen = c.is_control() || is_blank(c);
    if unseen || c.escape_debug().to_string().starts_with("\\u") {
        format!("U+{:04X}", u32::from(c))
    } else {
        c.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_any_letter_again_changes_nothing() {
        for c in ('\0'..=char::MAX).filter(|c| c.is_alphanumeric()) {
            let once = fold(c.encode_utf8(&mut [0; 4]));
            assert_eq!(fold(&once), once, "{c:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_no_letter_and_is_named_by_its_number() {
        for c in "\u{115F}\u{13441}\u{200B}\u{2800}\u{FE0F}\u{AD}".chars() {
            assert!(!is_letter_or_digit(c), "{c:?}");
            assert_eq!(visible(c), format!("U+{:04X}", u32::from(c)));
        }
    }
}
