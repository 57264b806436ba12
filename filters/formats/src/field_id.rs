//! Field ids: the small numbers by which a schema names its fields, and their bit sets.

/// Capacity for the fields of one schema.
pub(crate) const MAX_FIELDS: usize = 28;

/// The id of a key that holds no known field.
pub(crate) const NO_FIELD: u8 = u8::MAX;

/// Returns the bit of a field in a set of fields; 0 for [`NO_FIELD`].
pub(crate) fn bit(id: u8) -> u32 {
    1_u32.checked_shl(id.into()).unwrap_or_default()
}
