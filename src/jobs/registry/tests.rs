use serde_json::json;

use super::*;

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
