//! Schemas: the fields that a format logs, and the keys it logs them under.

use crate::error::LineError;
use crate::field_values::FieldValues;
use crate::json::JsonCursor;

/// The fields of one format or of several related ones.
#[derive(Clone, Copy)]
pub(crate) struct Schema {
    /// True if a JSON `null` means "no value", like `-`; otherwise a `null` is ignored.
    pub(crate) null_is_absent: bool,
    /// Returns the field that the format logs under a key.
    pub(crate) id_of_key: fn(&str) -> Option<usize>,
    /// Returns the name of the field that the format logs under a key.
    pub(crate) name_of_key: fn(&str) -> Option<&'static str>,
    /// Returns the field that exchange lines call by a name.
    pub(crate) id_of_name: fn(&str) -> Option<usize>,
    /// Reads the JSON object under a key, for formats that log fields in nested objects.
    pub(crate) nested: Nested,
}

/// Reads the rest of the JSON object under a key.
pub(crate) type Nested =
    for<'a> fn(&str, &mut JsonCursor<'a>, &mut FieldValues<'a, '_>) -> Result<(), LineError>;

/// Defines the field ids of a schema: for each, its name in exchange lines and the keys that formats log it under.
macro_rules! schema {
    ($(#[$doc:meta])* $ids:ident, null is absent: $null:literal, nested: $nested:expr => { $($id:ident: $name:literal = $($key:literal)|*;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum $ids { $($id),* }

        const _: () = assert!([$(stringify!($id)),*].len() <= $crate::field_id::MAX_FIELDS);

        impl $ids {
            pub(crate) const SCHEMA: crate::schema::Schema = crate::schema::Schema {
                null_is_absent: $null,
                id_of_key: |key| match key { $($($key => Some(Self::$id as usize),)*)* _ => None },
                name_of_key: |key| match key { $($($key => Some($name),)*)* _ => None },
                id_of_name: |name| match name { $($name => Some(Self::$id as usize),)* _ => None },
                nested: $nested,
            };
        }
    };
}
pub(crate) use schema;
