//! Where a visitor goes after a form, as the form says; never to another site.

use url::Url;

const LONGEST: usize = 2048;

/// The path and query `next`, if it stays on this site.
///
/// Browsers read `//host`, `/\host` and the like as other sites, and drop tabs and line ends before
/// they look: only plain paths pass.
pub fn path(next: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let is_path = next.starts_with('/') && !next.starts_with("//");
    if !is_path || next.len() > LONGEST || !next.bytes().all(plain) {
        return None;
    }
    // The rule of the browsers has the last word.
    let here = Url::parse("http://here.invalid/").ok()?;
    let there = here.join(next).ok()?;
    (there.origin() == here.origin()).then_some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_of_this_site_is_followed() {
        for next in [
            "/",
            "/signup",
            "/dev/mailbox/3",
            "/a?b=c&d=%2F%2Fe",
            "/a/..//b",
            "/%2F/x",
        ] {
            assert_eq!(path(next), Some(next));
        }
    }

    #[test]
    fn nothing_leads_to_another_site() {
        for next in [
            "",
            "//evil",
            "///evil",
            "/\\evil",
            "\\\\evil",
            "https://evil",
            "javascript:alert(1)",
            "evil",
            "/\t/evil",
            "/\n/evil",
            "\t//evil",
            " //evil",
            "/a\r\nSet-Cookie: x=y",
            "/\u{0}",
            "/caf\u{e9}",
            "/ a",
        ] {
            assert_eq!(path(next), None, "{next:?}");
        }
        assert_eq!(path(&format!("/{}", "a".repeat(LONGEST))), None);
    }

    proptest! {
        #[test]
        fn whatever_passes_stays_here(next in "[/\\\\a.:@?#%\t]{0,12}") {
            let here = Url::parse("https://cadastro.example/login").unwrap();
            if let Some(next) = path(&next) {
                prop_assert_eq!(here.join(next).unwrap().origin(), here.origin());
            }
        }
    }
}
