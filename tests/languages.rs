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
fn every_kind_of_job_has_a_title_and_every_state_a_label_for_tasks_and_letters() {
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
        for table in ["state", "letter_state"] {
            let key = format!("jobs.{table}.{state}");
            assert!(text.has_sentence(&key), "{key}");
        }
    }
}

/// `tarefa` is feminine, `e-mail` masculine; the other states are nouns that agree with neither.
#[test]
fn a_state_in_portuguese_agrees_with_a_task_or_with_a_letter() {
    let text = Text::new().expect("the templates agree");
    let label = |table: &str, state: State| {
        text.sentence(Locale::PtBr, &format!("jobs.{table}.{state}"), &[])
    };
    for state in State::ALL {
        let (task, letter) = (label("state", state), label("letter_state", state));
        match state {
            State::Scheduled | State::Completed | State::Discarded | State::Cancelled => {
                let masculine = task.strip_suffix('a').map(|stem| format!("{stem}o"));
                assert_eq!(masculine, Some(letter));
            }
            State::Available | State::Executing | State::Retryable => assert_eq!(task, letter),
        }
    }
}

/// What may reach a browser; `retry_after` adds to the last two when to come again.
#[test]
fn every_error_page_has_its_words_in_both_languages() {
    let text = Text::new().expect("the templates agree");
    let statuses = [
        400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 500, 429, 503,
    ];
    for status in statuses {
        for part in ["title", "message"] {
            let key = format!("errors.status.{status}.{part}");
            assert!(text.has_sentence(&key), "{key}");
            let said = Locale::ALL.map(|locale| text.sentence(locale, &key, &[]));
            assert_ne!(said[0], said[1], "{key} is the same in both");
        }
    }
}
