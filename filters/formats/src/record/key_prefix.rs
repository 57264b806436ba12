//! Members whose keys share a prefix, such as those that Fluent Bit's filter `nest` has lifted out of `log_processed`.

use super::parsed::may_have_prefix;
use super::parser::RecordParser;
use alloc::vec::Vec;

/// Minimum number of members with the prefix: an exchange has a time, a status and an upstream.
const MIN_MEMBERS: u8 = 3;

impl RecordParser {
    /// Returns true if several keys may share a prefix.
    pub fn has_prefixed_keys(&self) -> bool {
        self.current.special.prefixed >= MIN_MEMBERS
    }

    /// Writes the members of `record`, the parsed one, whose keys have the prefix as an object without it. Returns false if they
    /// share none.
    #[cold]
    pub fn write_without_prefix(&self, record: &[u8], object: &mut Vec<u8>) -> bool {
        let Some(count) = self.member_count() else { return false };
        let members = || {
            (0..count)
                .filter_map(|index| self.member(record, index))
                .filter(|member| may_have_prefix(member.key))
        };
        let Some(length) = shared_length(members().map(|member| member.key)) else { return false };
        object.clear();
        for member in members() {
            object.push(if object.is_empty() { b'{' } else { b',' });
            let quote: &[u8] = if member.kind.is_text() { b"\"" } else { b"" };
            let key = member.key.get(length..).unwrap_or_default();
            for piece in [b"\"", key, b"\":", quote, member.value, quote] {
                object.extend_from_slice(piece);
            }
        }
        object.push(b'}');
        true
    }
}

/// Returns the length of the longest prefix of all keys that ends with `_` or `.`.
fn shared_length<'a>(mut keys: impl Iterator<Item = &'a [u8]>) -> Option<usize> {
    let first = keys.next()?;
    let shared = keys.fold(first.len(), |length, key| {
        first.iter().zip(key).take(length).take_while(|(one, other)| one == other).count()
    });
    let shared = first.get(..shared)?;
    Some(shared.iter().rposition(|byte| matches!(byte, b'_' | b'.'))? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn without_prefix(record: &str) -> Option<String> {
        let mut parser = RecordParser::default();
        assert!(parser.parse(record.as_bytes()));
        let mut object = Vec::new();
        let is_written =
            parser.has_prefixed_keys() && parser.write_without_prefix(record.as_bytes(), &mut object);
        is_written.then(|| String::from_utf8(object).unwrap())
    }

    #[test]
    fn members_with_the_prefix_are_written_without_it() {
        for (record, expected) in [
            (
                r#"{"stream":"stdout","log_status":200,"log_upstream":"cart \"a\"","log_tls":null,"log_args":{"a":[1]}}"#,
                r#"{"status":200,"upstream":"cart \"a\"","tls":null,"args":{"a":[1]}}"#,
            ),
            (
                r#"{"log_processed.a_b":1,"log_processed.a_c":"x","log_processed.d":true}"#,
                r#"{"a_b":1,"a_c":"x","d":true}"#,
            ),
        ] {
            assert_eq!(without_prefix(record).as_deref(), Some(expected));
        }
    }

    #[test]
    fn other_keys_have_no_prefix() {
        for record in [
            r#"{"log_a":1,"log_b":2}"#,
            r#"{"log_a":1,"log_b":2,"log.c":3}"#,
            r#"{"logtag":"F","logger":"x","log":"y","log_":1}"#,
        ] {
            assert_eq!(without_prefix(record), None, "{record}");
        }
    }
}
