//! Both languages have a sentence for everything that can happen.

use cadastro::{
    account::FieldError,
    jobs,
    queue::State,
    text::{Locale, Text},
};

#[test]
fn every_error_of_every_field_has_its_sentence_in_both_languages() {
    let text = Text::new().expect("the templates agree");
    for (field, code, names) in FieldError::ALL {
        let key = format!("errors.{field}.{code}");
        assert!(text.has_sentence(&key), "{key}");
        let args: Vec<_> = names.iter().map(|name| (*name, "7")).collect();
        let said = Locale::ALL.map(|locale| text.sentence(locale, &key, &args));
        assert!(
            said.iter().all(|said| !said.contains(['{', '}'])),
            "{said:?}"
        );
        assert_ne!(said[0], said[1], "{key} is the same in both");
    }
}

#[test]
fn every_kind_of_job_has_a_title_and_every_state_a_label() {
    let text = Text::new().expect("the templates agree");
    let catalogue = jobs::catalogue().build().expect("our own kinds agree");
    for kind in catalogue.kinds() {
        assert!(
            text.has_sentence(&format!("jobs.kind.{}", kind.name)),
            "{}",
            kind.name
        );
    }
    for state in State::ALL {
        assert!(text.has_sentence(&format!("jobs.state.{state}")), "{state}");
    }
}
