//! Everything a person reads: pages, letters and sentences, in the reader's language.
//!
//! The folder `templates/` is part of the program: a release build carries it inside, a debug build reads
//! it at start. One markup serves both languages; what differs comes from `templates/text/` through
//! `{{t "key"}}`. A template is named by its path without `.hbs`: `pages/signup`, `email/welcome_email.text`.
//! Names that end in `.text` are plain text, all others HTML, in which every value is escaped.
//!
//! A program that embeds cadastro has a folder like it, whose templates and sentences stand beside ours.

mod assets;
mod helpers;
mod locale;
mod pattern;
mod templates;
mod words;

use std::sync::Arc;

use handlebars::{Context, Handlebars, Template, no_escape};
use serde::Serialize;
use serde_json::Value;

pub use assets::Asset;
pub use locale::{Locale, UnknownLocale};
pub use rust_embed::RustEmbed;
pub use templates::Templates;
pub use words::WordsError;

use assets::Assets;
use helpers::Markup;
use templates::Files;
use words::Words;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Embedded;

/// Pages, letters, sentences and assets; cheap to clone.
#[derive(Clone)]
pub struct Text(Arc<Inner>);

struct Inner {
    portuguese: Language,
    english: Language,
    assets: Arc<Assets>,
}

struct Language {
    words: Arc<Words>,
    html: Handlebars<'static>,
    plain: Handlebars<'static>,
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// At start: a file of `templates/` that is named elsewhere is missing or is not UTF-8.
    #[error("the file templates/{0} is missing or unreadable")]
    Unreadable(String),
    /// At start: a template that is not one.
    #[error("the template {name} cannot be read: {source}")]
    BadTemplate {
        /// The template's name.
        name: String,
        /// What is wrong, and where.
        source: Box<handlebars::TemplateError>,
    },
    /// At start: the sentences of a language cannot be read.
    #[error("templates/text/{locale}.toml does not serve: {source}")]
    BadWords {
        /// Whose sentences.
        locale: Locale,
        /// What is wrong.
        source: WordsError,
    },
    /// At start: a template asks for a sentence that a language lacks.
    #[error(
        "the template {template} asks for the sentence `{key}`, which is missing in templates/text/{locale}.toml"
    )]
    MissingSentence {
        /// The template's name.
        template: String,
        /// What is missing.
        key: String,
        /// Who lacks it.
        locale: Locale,
    },
    /// At start: two folders hold a file of this name.
    #[error("the file templates/{0} is there twice: rename the one that is not cadastro's own")]
    Clash(String),
    /// At start: one language says what the other does not.
    #[error("the sentence `{key}` is missing in templates/text/{locale}.toml")]
    MissingLanguage {
        /// Who lacks it.
        locale: Locale,
        /// What is missing.
        key: String,
    },
    /// The template does not exist, or the data do not fit it.
    #[error("the template {name} cannot be filled")]
    Unfilled {
        /// The template's name.
        name: String,
        /// What is missing, and where.
        source: Box<handlebars::RenderError>,
    },
    /// The data are not a map of names to values.
    #[error("the data for the template {0} are not a map")]
    NotAMap(String),
}

impl Text {
    /// Reads all templates, sentences and assets. Fails if a template is malformed or asks for a
    /// sentence that is missing in any language, so that no visitor ever meets either.
    pub fn new() -> Result<Self, TextError> {
        Self::with(&[])
    }

    /// Likewise, with the folders of a program that embeds this one. Every language has to say what another one
    /// does, and nothing has the name of something else.
    pub fn with(folders: &[Templates]) -> Result<Self, TextError> {
        let mut all = vec![Templates::of::<Embedded>()];
        all.extend(folders);
        let files = Files::of(&all)?;
        let mut assets = Assets::default();
        for path in files.paths() {
            if let Some(name) = path.strip_prefix("assets/") {
                for file in files.all(path) {
                    assets.add(name, file.data, file.metadata.sha256_hash());
                }
            }
        }
        let assets = Arc::new(assets);
        let mut portuguese = Language::new(Locale::PtBr, &files, &assets)?;
        let mut english = Language::new(Locale::En, &files, &assets)?;
        for path in files.paths() {
            let Some(name) = path.strip_suffix(".hbs") else {
                continue;
            };
            let source = files.sources(path)?.concat();
            // Once for both languages: each reading of all of them makes a start six milliseconds longer.
            let template = compiled(name, &source)?;
            portuguese.add(name, &source, template.clone())?;
            english.add(name, &source, template)?;
        }
        for (one, other) in [(&portuguese, &english), (&english, &portuguese)] {
            if let Some(key) = one.words.keys().find(|key| !other.words.contains(key)) {
                return Err(TextError::MissingLanguage {
                    locale: other.words.locale(),
                    key: key.to_owned(),
                });
            }
        }
        Ok(Text(Arc::new(Inner {
            portuguese,
            english,
            assets,
        })))
    }

    /// A template filled with `data`, which must serialize to a map; the root key `lang` is added.
    pub fn render(
        &self,
        template: &str,
        locale: Locale,
        data: &impl Serialize,
    ) -> Result<String, TextError> {
        let unfilled = |source| TextError::Unfilled {
            name: template.to_owned(),
            source: Box::new(source),
        };
        let mut context = Context::wraps(data).map_err(unfilled)?;
        let Value::Object(root) = context.data_mut() else {
            return Err(TextError::NotAMap(template.to_owned()));
        };
        root.insert("lang".to_owned(), Value::from(locale.tag()));

        let language = self.language(locale);
        let handlebars = if is_plain(template) {
            &language.plain
        } else {
            &language.html
        };
        handlebars
            .render_with_context(template, &context)
            .map_err(unfilled)
    }

    /// A sentence as plain text, not escaped for HTML.
    ///
    /// Never fails, as it is often said when something else has: a missing sentence becomes its key, a
    /// missing argument stays a visible placeholder, and the log says so.
    pub fn sentence(&self, locale: Locale, key: &str, args: &[(&str, &str)]) -> String {
        let words = &self.language(locale).words;
        words.say(key, args).unwrap_or_else(|error| {
            tracing::error!(%locale, %error, "a sentence could not be said");
            words.unfilled(key).unwrap_or_else(|| key.to_owned())
        })
    }

    /// Whether `key` is a sentence, for callers that have a second choice.
    pub fn has_sentence(&self, key: &str) -> bool {
        self.0.portuguese.words.contains(key)
    }

    /// The asset that `/assets/{hashed_name}` stands for. Its content never changes under that name.
    pub fn asset(&self, hashed_name: &str) -> Option<&Asset> {
        self.0.assets.get(hashed_name)
    }

    fn language(&self, locale: Locale) -> &Language {
        match locale {
            Locale::PtBr => &self.0.portuguese,
            Locale::En => &self.0.english,
        }
    }
}

impl Language {
    /// Without a template yet.
    fn new(locale: Locale, files: &Files, assets: &Arc<Assets>) -> Result<Self, TextError> {
        let bad_words = |source| TextError::BadWords { locale, source };
        let mut words = Words::new(locale);
        for source in files.sources(&format!("text/{locale}.toml"))? {
            words.add(&source).map_err(bad_words)?;
        }
        let words = Arc::new(words);
        let handlebars = |markup| {
            let mut handlebars = Handlebars::new();
            handlebars.set_strict_mode(true);
            helpers::register(&mut handlebars, locale, markup, &words, assets);
            handlebars
        };
        let html = handlebars(Markup::Html);
        let mut plain = handlebars(Markup::Plain);
        plain.register_escape_fn(no_escape);

        Ok(Language { words, html, plain })
    }

    /// Takes a template in, which may ask for no sentence that is missing.
    fn add(&mut self, name: &str, source: &str, template: Template) -> Result<(), TextError> {
        if let Some(key) = sentence_keys(source).find(|key| !self.words.contains(key)) {
            return Err(TextError::MissingSentence {
                template: name.to_owned(),
                key: key.to_owned(),
                locale: self.words.locale(),
            });
        }
        let registry = if is_plain(name) {
            &mut self.plain
        } else {
            &mut self.html
        };
        registry.register_template(name, template);
        Ok(())
    }
}

/// Reads a template.
fn compiled(name: &str, source: &str) -> Result<Template, TextError> {
    Template::compile_with_name(source, name.to_owned()).map_err(|source| TextError::BadTemplate {
        name: name.to_owned(),
        source: Box::new(source),
    })
}

fn is_plain(template: &str) -> bool {
    template.ends_with(".text")
}

/// The keys that a template asks for literally, as `{{t "key"}}` or `(t "key")`.
fn sentence_keys(template: &str) -> impl Iterator<Item = &str> {
    ["{{t \"", "{{~t \"", "(t \""]
        .into_iter()
        .flat_map(move |opening| {
            template
                .split(opening)
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
        })
}

#[cfg(test)]
mod tests;
