use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

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

#[test]
fn a_job_by_name_needs_a_known_kind_and_arguments_that_fit() {
    let catalogue = crate::jobs::catalogue()
        .build()
        .expect("our own kinds agree");
    assert!(
        catalogue
            .new_job("parameter_task", json!({"parameter": "x"}))
            .is_ok()
    );
    assert!(matches!(
        catalogue.new_job("parameter_task", json!({})),
        Err(Unfit::Args { .. })
    ));
    assert!(matches!(
        catalogue.new_job("no_such_kind", json!({})),
        Err(Unfit::Name { .. })
    ));
}
