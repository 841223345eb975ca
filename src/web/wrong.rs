//! What is wrong with a form, as `partials/error_summary` and `partials/field` tell it.

use std::collections::BTreeMap;

use serde::Serialize;

/// A field, by its name in the form, and a sentence about it.
#[derive(Debug, Serialize)]
pub struct Wrong {
    pub field: &'static str,
    pub message: String,
}

/// The sentences by field. Templates name every field of their form, wrong or not.
pub fn by_field<const N: usize>(
    fields: [&'static str; N],
    wrong: &[Wrong],
) -> BTreeMap<&'static str, Vec<String>> {
    fields
        .map(|field| {
            let its_own = wrong.iter().filter(|wrong| wrong.field == field);
            (field, its_own.map(|wrong| wrong.message.clone()).collect())
        })
        .into()
}
