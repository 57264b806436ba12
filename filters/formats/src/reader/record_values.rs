//! The values of a record's members, by field.

use crate::field_id::NO_FIELD;
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::nested_fields;
use crate::record::{FieldIndex, RecordParser, ValueKind};
use crate::schema::Schema;

/// Returns the values of a record's members; `None` if its keys or values must be decoded one by one.
pub(super) fn indexed_values<'a, 'r>(
    record: &'a [u8],
    parser: &'r mut RecordParser,
    mapping: &FieldMapping,
    schema: &Schema,
    cached: Option<u32>,
) -> Option<FieldValues<'a, 'r>> {
    if parser.has_verdict() || parser.has_tokens() || mapping.has_nested() {
        return None;
    }
    if !parser.is_indexed() {
        let index = index_fields(record, parser, mapping, schema)?;
        parser.set_index(index);
    }
    Some(record_values(record, parser, mapping, cached))
}

/// Returns the values of a record; `cached` is the number of the record whose parsed values are cached.
pub(super) fn record_values<'a, 'r>(
    record: &'a [u8],
    parser: &'r RecordParser,
    mapping: &FieldMapping,
    cached: Option<u32>,
) -> FieldValues<'a, 'r> {
    let is_next = cached.is_some_and(|cached| cached.wrapping_add(1) == parser.count);
    let unchanged = if is_next { !parser.changed() } else { 0 };
    FieldValues::from_record(parser.values(record), unchanged, mapping.default_time)
}

/// Finds the fields among the members of a record; `None` if a key or a value must be decoded for it.
#[cold]
fn index_fields(
    record: &[u8],
    parser: &mut RecordParser,
    mapping: &FieldMapping,
    schema: &Schema,
) -> Option<FieldIndex> {
    let (mut index, mut overridden) = (FieldIndex::default(), 0_u32);
    for number in 0..parser.member_count()? {
        let member = parser.member(record, number)?;
        let key = core::str::from_utf8(member.key).ok().filter(|key| !key.contains('\\'))?;
        if member.kind == ValueKind::Nested && nested_fields::may_hold(key) {
            return None;
        }
        let configured = mapping.id_of(schema, key);
        let id = configured.or_else(|| (schema.id_of_key)(key)).map_or(NO_FIELD, |id| id as u8);
        parser.assign(number, id);
        if id == NO_FIELD || configured.is_none() && overridden & 1 << id != 0 {
            continue;
        }
        match member.kind {
            ValueKind::Escaped => return None,
            ValueKind::Literal if schema.null_is_absent && member.value == b"null" => index.set_null(id),
            ValueKind::Literal | ValueKind::Nested => continue,
            _ => index.set(id, number),
        }
        overridden |= u32::from(configured.is_some()) << id;
    }
    Some(index)
}
