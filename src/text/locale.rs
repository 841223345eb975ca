//! The languages that cadastro speaks, and how a visitor gets one.

use std::{cmp::Reverse, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A language that every page, letter and result exists in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Locale {
    /// Brazilian Portuguese, the default of `--locale`.
    #[default]
    #[serde(rename = "pt-BR")]
    PtBr,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Locale {
    /// Every language, the default first.
    pub const ALL: [Locale; 2] = [Locale::PtBr, Locale::En];

    /// The BCP 47 tag, as in `<html lang>`, the database and `templates/text/`.
    pub fn tag(self) -> &'static str {
        match self {
            Locale::PtBr => "pt-BR",
            Locale::En => "en",
        }
    }

    /// The language that serves a visitor best, from the `Accept-Language` header of RFC 9110 (12.5.4).
    ///
    /// Regions are not told apart: `pt-PT` is served Brazilian Portuguese, `en-GB` English. What cannot
    /// be read is skipped; `default` answers when nothing that we speak is left.
    pub fn negotiate(accept_language: Option<&str>, default: Locale) -> Locale {
        let ranges: Vec<Range> = accept_language
            .unwrap_or_default()
            .split(',')
            .filter_map(Range::parse)
            .collect();

        Locale::ALL
            .into_iter()
            .filter_map(|locale| Some((locale, locale.wish(&ranges)?)))
            .max_by_key(|&(locale, (quality, position))| {
                (quality, Reverse(position), locale == default)
            })
            .map_or(default, |(locale, _)| locale)
    }

    /// The quality this language was given, and where in the header; `None` if it is not wanted.
    fn wish(self, ranges: &[Range]) -> Option<(u16, usize)> {
        let best = |wanted: &dyn Fn(&Range) -> bool| {
            ranges
                .iter()
                .enumerate()
                .filter(|(_, range)| wanted(range))
                .map(|(position, range)| (range.quality, position))
                .max_by_key(|&(quality, position)| (quality, Reverse(position)))
        };
        // "*" speaks only for the languages that no other range names.
        best(&|range| range.language.eq_ignore_ascii_case(self.language()))
            .or_else(|| best(&|range| range.language == "*"))
            .filter(|&(quality, _)| quality > 0)
    }

    /// The tag without its region.
    fn language(self) -> &'static str {
        self.tag().split('-').next().unwrap_or_default()
    }

    /// Whether `count` of something is spoken of in the singular (CLDR's plural rules).
    pub(super) fn is_singular(self, count: u64) -> bool {
        match self {
            Locale::PtBr => count <= 1,
            Locale::En => count == 1,
        }
    }

    /// An instant for people, to the second, in UTC: the server does not know the visitor's time zone.
    pub fn date_time(self, instant: Timestamp) -> String {
        let format = match self {
            Locale::PtBr => "%d/%m/%Y %H:%M:%S UTC",
            Locale::En => "%-d %b %Y, %H:%M:%S UTC",
        };
        instant.strftime(format).to_string()
    }
}

/// One entry of `Accept-Language`.
struct Range<'a> {
    /// The primary subtag, or `*`.
    language: &'a str,
    /// The weight, in thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(entry: &'a str) -> Option<Self> {
        let mut parts = entry.split(';').map(str::trim);
        let language = parts.next()?.split('-').next()?;
        let quality = match parts.next() {
            None => 1000,
            Some(weight) => {
                let weight = weight
                    .strip_prefix("q=")
                    .or_else(|| weight.strip_prefix("Q="))?;
                let weight: f32 = weight.trim().parse().ok()?;
                if !(0.0..=1.0).contains(&weight) {
                    return None;
                }
                (weight * 1000.0).round() as u16
            }
        };
        Some(Range { language, quality })
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// A tag of a language that cadastro does not speak.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a language of ours; choose `pt-BR` or `en`")]
pub struct UnknownLocale(String);

impl FromStr for Locale {
    type Err = UnknownLocale;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        Locale::ALL
            .into_iter()
            .find(|locale| locale.tag().eq_ignore_ascii_case(tag))
            .ok_or_else(|| UnknownLocale(tag.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn negotiated(header: &str) -> Locale {
        Locale::negotiate(Some(header), Locale::PtBr)
    }

    #[test]
    fn browsers_get_the_language_they_ask_for() {
        assert_eq!(negotiated("en"), Locale::En);
        assert_eq!(negotiated("EN-gb"), Locale::En);
        assert_eq!(
            negotiated("pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7"),
            Locale::PtBr
        );
        assert_eq!(negotiated("en-US,en;q=0.9,pt-BR;q=0.8"), Locale::En);
        assert_eq!(Locale::negotiate(Some("pt-PT"), Locale::En), Locale::PtBr);
    }

    #[test]
    fn a_higher_quality_beats_an_earlier_place() {
        assert_eq!(negotiated("pt;q=0.2, en;q=0.8"), Locale::En);
        assert_eq!(negotiated("de, pt;q=0.5, en;q=0.500"), Locale::PtBr);
        assert_eq!(
            Locale::negotiate(Some("en;q=0.5, pt;q=0.5"), Locale::PtBr),
            Locale::En
        );
    }

    #[test]
    fn a_star_speaks_for_the_languages_that_are_not_named() {
        assert_eq!(Locale::negotiate(Some("*"), Locale::En), Locale::En);
        assert_eq!(
            Locale::negotiate(Some("de, *;q=0.5"), Locale::PtBr),
            Locale::PtBr
        );
        assert_eq!(
            Locale::negotiate(Some("en;q=0.1, *"), Locale::En),
            Locale::PtBr
        );
        assert_eq!(negotiated("pt;q=0, *"), Locale::En);
    }

    #[test]
    fn the_default_answers_when_nothing_fits() {
        for header in [
            "",
            "de, fr;q=0.9",
            "en;q=0",
            ";;;,,q=1",
            "en;q=NaN",
            "en;q=2",
            "en;level=1",
        ] {
            assert_eq!(negotiated(header), Locale::PtBr, "{header:?}");
        }
        assert_eq!(Locale::negotiate(None, Locale::En), Locale::En);
    }

    #[test]
    fn an_instant_reads_as_people_of_the_language_write_it() {
        let instant: Timestamp = "2026-11-03T14:05:09.123456Z".parse().unwrap();

        assert_eq!(Locale::PtBr.date_time(instant), "03/11/2026 14:05:09 UTC");
        assert_eq!(Locale::En.date_time(instant), "3 Nov 2026, 14:05:09 UTC");
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(header in ".*", default in prop::sample::select(&Locale::ALL)) {
            Locale::negotiate(Some(&header), default);
        }

        #[test]
        fn the_best_quality_wins_in_any_order(
            portuguese in 0u16..=1000,
            english in 0u16..=1000,
            english_first in any::<bool>(),
        ) {
            prop_assume!(portuguese != english);
            let entry = |tag, quality| format!("{tag};q={:.3}", f64::from(quality) / 1000.0);
            let mut entries = [entry("pt-BR", portuguese), entry("en-GB", english)];
            if english_first {
                entries.reverse();
            }

            let expected = if english > portuguese { Locale::En } else { Locale::PtBr };
            prop_assert_eq!(negotiated(&entries.join(", ")), expected);
        }
    }
}
