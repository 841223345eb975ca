//! Style sheet, script and pictures, under names that change with their content.

use std::{borrow::Cow, collections::HashMap};

use data_encoding::HEXLOWER;

/// A file to be served as it is, for ever: another content gets another name.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The content; borrowed from the program itself in a release build.
    pub bytes: Cow<'static, [u8]>,
    /// The value of the header `Content-Type`.
    pub content_type: &'static str,
    /// The part of the name that changes with the content, fit for an `ETag`.
    pub hash: String,
}

/// Every asset, by the name it is served under (`app.0f3a….css`).
#[derive(Debug, Default)]
pub(super) struct Assets {
    by_hashed_name: HashMap<String, Asset>,
    hashed_names: HashMap<String, String>,
}

impl Assets {
    /// Adds the file `name` (`app.css`), whose content has the given SHA-256.
    pub fn add(&mut self, name: &str, bytes: Cow<'static, [u8]>, sha256: [u8; 32]) {
        let hash = HEXLOWER.encode(&sha256[..8]);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let hashed_name = format!("{stem}.{hash}.{extension}");
        self.hashed_names
            .insert(name.to_owned(), hashed_name.clone());
        let asset = Asset {
            bytes,
            content_type: content_type(extension),
            hash,
        };
        self.by_hashed_name.insert(hashed_name, asset);
    }

    /// The asset served under `hashed_name`.
    pub fn get(&self, hashed_name: &str) -> Option<&Asset> {
        self.by_hashed_name.get(hashed_name)
    }

    /// The address of the file `name`.
    pub fn url(&self, name: &str) -> Option<String> {
        self.hashed_names
            .get(name)
            .map(|hashed_name| format!("/assets/{hashed_name}"))
    }
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_gets_another_name() {
        let mut assets = Assets::default();
        assets.add("app.css", Cow::Borrowed(b"a{}"), [0xab; 32]);

        assert_eq!(
            assets.url("app.css").as_deref(),
            Some("/assets/app.abababababababab.css")
        );
        let asset = assets.get("app.abababababababab.css").unwrap();
        assert_eq!(asset.content_type, "text/css; charset=utf-8");
        assert_eq!(asset.hash, "abababababababab");
        assert!(assets.get("app.css").is_none());
        assert!(assets.url("other.css").is_none());
    }
}
