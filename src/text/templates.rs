//! Where templates, sentences and assets come from: our own folder, and that of a program that embeds cadastro.

use std::{borrow::Cow, collections::BTreeMap};

use rust_embed::{EmbeddedFile, RustEmbed};

use super::TextError;

/// A folder like our `templates/`, in another program: `Templates::of::<Ours>()`.
#[derive(Clone, Copy)]
pub struct Templates {
    paths: fn() -> Vec<Cow<'static, str>>,
    file: fn(&str) -> Option<EmbeddedFile>,
}

impl Templates {
    /// The folder that `E` embeds.
    pub fn of<E: RustEmbed>() -> Self {
        Templates {
            paths: || E::iter().collect(),
            file: E::get,
        }
    }
}

/// All folders as one.
pub(super) struct Files(BTreeMap<String, Vec<Templates>>);

impl Files {
    /// Every path belongs to one folder, but for the sentences, which all of them add to.
    pub(super) fn of(folders: &[Templates]) -> Result<Self, TextError> {
        let mut files: BTreeMap<String, Vec<Templates>> = BTreeMap::new();
        for folder in folders {
            for path in (folder.paths)() {
                let owners = files.entry(path.clone().into_owned()).or_default();
                if !owners.is_empty() && !path.starts_with("text/") {
                    return Err(TextError::Clash(path.into_owned()));
                }
                owners.push(*folder);
            }
        }
        Ok(Files(files))
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The file at `path`, from every folder that has it.
    pub(super) fn all(&self, path: &str) -> Vec<EmbeddedFile> {
        let owners = self.0.get(path).into_iter().flatten();
        owners.filter_map(|folder| (folder.file)(path)).collect()
    }

    /// What stands in the files at `path`; there is one at least.
    pub(super) fn sources(&self, path: &str) -> Result<Vec<String>, TextError> {
        let unreadable = || TextError::Unreadable(path.to_owned());
        let files = self.all(path);
        if files.is_empty() {
            return Err(unreadable());
        }
        let text = |file: EmbeddedFile| String::from_utf8(file.data.into_owned()).ok();
        let texts = files.into_iter().map(text);
        texts.collect::<Option<_>>().ok_or_else(unreadable)
    }
}
