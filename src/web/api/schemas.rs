//! What the rooms below hand to the API, as its document has it.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Object, ObjectBuilder, OneOfBuilder, RefOr, Type,
        schema::{KnownFormat, Schema, SchemaFormat},
    },
};

use crate::{
    queue::{JobId, State, Upon, Wins},
    text::Locale,
};

/// One of these words.
pub fn words<'a>(words: impl Iterator<Item = &'a str>) -> Object {
    let string = ObjectBuilder::new().schema_type(Type::String);
    string.enum_values(Some(words)).build()
}

/// What a query may leave empty.
pub fn or_empty<T: PartialSchema>() -> Schema {
    let nothing = words([""].into_iter());
    let either = OneOfBuilder::new().item(T::schema()).item(nothing);
    either.build().into()
}

impl ToSchema for State {}

impl PartialSchema for State {
    fn schema() -> RefOr<Schema> {
        words(State::ALL.into_iter().map(State::word)).into()
    }
}

impl ToSchema for Locale {}

impl PartialSchema for Locale {
    fn schema() -> RefOr<Schema> {
        words(Locale::ALL.into_iter().map(Locale::tag)).into()
    }
}

impl ToSchema for JobId {}

impl PartialSchema for JobId {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
        number.format(Some(format)).build().into()
    }
}

impl ToSchema for Wins {}

impl PartialSchema for Wins {
    fn schema() -> RefOr<Schema> {
        words(["keep", "replace", "reschedule"].into_iter()).into()
    }
}

impl ToSchema for Upon {}

impl PartialSchema for Upon {
    fn schema() -> RefOr<Schema> {
        words(Upon::ALL.into_iter().map(Upon::word)).into()
    }
}
