//! The sign-up form as strangers first see it: one text for each language, but for the key that is each visitor's own.
//!
//! Rendering takes longer than all the rest of the answer, so it is done once.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{account::Token, text::Locale, web::WebError};

/// The forms that somebody has asked for.
#[derive(Default)]
pub struct Blanks(RwLock<HashMap<Look, Arc<Halves>>>);

/// What two strangers' forms may differ in, beside the key: the language, and whether the footer leads to the
/// built-in mailbox.
type Look = (Locale, bool);

/// The text before the key, and the text after it.
struct Halves(String, String);

impl Blanks {
    /// The form with this key. `render` makes it where nobody has asked for its like.
    pub fn filled(
        &self,
        look: Look,
        key: &Token,
        render: impl FnOnce() -> Result<String, WebError>,
    ) -> Result<String, WebError> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(halves) = known.get(&look).cloned() {
            return Ok([&halves.0, key.as_str(), &halves.1].concat());
        }
        drop(known);
        let form = render()?;
        // What stands twice would leave the first visitor's key with everybody.
        let halves = form.split_once(key.as_str());
        if let Some((before, after)) = halves.filter(|(_, after)| !after.contains(key.as_str())) {
            let halves = Halves(before.to_owned(), after.to_owned());
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(look, Arc::new(halves));
        }
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_is_rendered_once_and_each_form_has_a_key_of_its_own() {
        let (blanks, mut rendered) = (Blanks::default(), 0);
        for look in [
            (Locale::En, true),
            (Locale::En, false),
            (Locale::PtBr, false),
        ] {
            for _ in 0..3 {
                let key = Token::random();
                let expected = format!("{look:?}: <{}>", key.as_str());
                let form = blanks.filled(look, &key, || {
                    rendered += 1;
                    Ok(expected.clone())
                });
                assert_eq!(form.expect("a form"), expected);
            }
        }
        assert_eq!(rendered, 3);
    }

    #[test]
    fn a_form_that_holds_its_key_twice_is_kept_for_nobody_else() {
        let blanks = Blanks::default();
        for _ in 0..2 {
            let key = Token::random();
            let expected = format!("{0} {0}", key.as_str());
            let form = blanks.filled((Locale::En, true), &key, || Ok(expected.clone()));
            assert_eq!(form.expect("a form"), expected);
        }
    }
}
