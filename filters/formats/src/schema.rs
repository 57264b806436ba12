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
    /// The names of the fields in exchange lines, by their ids.
    pub(crate) names: &'static [&'static str],
    /// Reads the JSON object under a key, for formats that log fields in nested objects.
    pub(crate) nested: Nested,
}

impl Schema {
    /// Returns the field that exchange lines call by a name.
    pub(crate) fn id_of_name(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| *known == name)
    }

    /// Returns the name of the field that the format logs under a key.
    pub(crate) fn name_of_key(&self, key: &str) -> Option<&'static str> {
        (self.id_of_key)(key).and_then(|id| self.names.get(id).copied())
    }
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
                names: &[$($name),*],
                nested: $nested,
            };
        }
    };
}
pub(crate) use schema;
