use serde::{Deserialize, Serialize};

use super::*;
use crate::jobs::{Context, Done, JobError};

#[derive(Serialize, Deserialize)]
struct Nameless {}

impl Job for Nameless {
    const KIND: &'static str = "";
}

impl Task for Nameless {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        Ok(Done::default())
    }
}

#[test]
fn a_kind_that_is_listed_twice_is_refused() {
    let twice = crate::jobs::catalogue().task::<crate::jobs::simple_task::SimpleTask>();
    assert_eq!(
        twice.build().err(),
        Some(CatalogueError::Duplicate("simple_task"))
    );
}

#[test]
fn a_kind_without_a_name_is_refused() {
    let nameless = Catalogue::builder().task::<Nameless>();
    assert_eq!(nameless.build().err(), Some(CatalogueError::BadName("")));
}

#[derive(Serialize, Deserialize)]
struct Counted {
    by: String,
}

impl Job for Counted {
    const KIND: &'static str = "counted";

    fn limit_key(&self) -> Option<String> {
        Some(self.by.clone())
    }
}

impl Task for Counted {
    async fn run(self, _: Context) -> Result<Done, JobError> {
        Ok(Done::default())
    }
}

#[test]
fn a_limit_key_that_no_queue_could_count_by_is_refused_whoever_makes_it() {
    let catalogue = Catalogue::builder().task::<Counted>().build();
    let catalogue = catalogue.expect("it agrees with itself");
    let made = |by: &str| Counted { by: by.to_owned() };
    assert!(catalogue.check_new(&made("17").now()).is_ok());
    for by in ["", "a\0b", &"x".repeat(201)] {
        let new = made(by).now();
        assert!(
            matches!(catalogue.check_new(&new), Err(Unfit::Key)),
            "{by:?}"
        );
        let named = catalogue.new_job("counted", new.args);
        assert!(matches!(named, Err(Unfit::Key)), "{by:?}");
    }
    let given = made("17").now().limit_key("");
    assert!(matches!(catalogue.check_new(&given), Err(Unfit::Key)));
}
