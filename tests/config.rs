//! The settings, as README and the other rooms know them.

use cadastro::{
    config::{Config, Source, settings},
    text::Locale,
};

#[test]
fn the_readme_lists_every_setting_with_its_variable_and_default() {
    let readme = include_str!("../README.md");
    for setting in &settings::ALL {
        let flag = setting
            .flag
            .map_or("—".to_owned(), |flag| format!("`--{flag}`"));
        let row = format!("| {flag} | `{}` | ", setting.env);
        let row = match setting.default {
            Some(default) => format!("{row}`{default}` |"),
            None => row,
        };
        assert!(
            readme.contains(&row),
            "README.md lacks a row that begins with {row}"
        );
    }
}

#[test]
fn every_language_of_the_texts_can_be_the_default_one_and_no_other() {
    for locale in Locale::ALL {
        let config = Config::read(|setting| {
            (setting == &settings::LOCALE).then(|| (locale.tag().to_owned(), Source::Flag))
        });
        let read = config.expect("a language of ours").locale.parse::<Locale>();
        assert_eq!(read.expect("a tag of ours"), locale);
    }
    let french = Config::read(|setting| {
        (setting == &settings::LOCALE).then(|| ("fr".to_owned(), Source::Flag))
    });
    let error = french.expect_err("no language of ours").to_string();
    assert!(
        Locale::ALL
            .iter()
            .all(|locale| error.contains(locale.tag())),
        "{error}"
    );
}
