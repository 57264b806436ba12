//! Values as Envoy lends them: bytes, read as text and as numbers.

/// Returns the text of a value, up to the first byte that is not UTF-8.
pub fn text(value: &[u8]) -> &str {
    match core::str::from_utf8(value) {
        Ok(text) => text,
        Err(error) => {
            let whole = value.get(..error.valid_up_to()).unwrap_or_default();
            core::str::from_utf8(whole).unwrap_or_default()
        }
    }
}

/// Returns the lengths of names shorter than 64 bytes, one bit each.
pub const fn lengths(names: &[&str]) -> u64 {
    match names {
        [] => 0,
        [name, rest @ ..] => 1 << name.len() | lengths(rest),
    }
}

/// Returns true if a name has one of these lengths. Most headers are known not to be read by this alone.
pub const fn has_length(name: &[u8], lengths: u64) -> bool {
    name.len() < 64 && lengths >> name.len() & 1 == 1
}

/// Parses a decimal number; `None` if the value is anything else. In wasm its code exists once: headers have numbers in ten places.
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub fn number(value: &[u8]) -> Option<u64> {
    /// As many digits always fit.
    const MAX_DIGITS: usize = 19;
    let digits = value.trim_ascii();
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut number = 0;
    for digit in digits {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        number = number * 10 + digit;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_before_the_first_invalid_byte() {
        assert_eq!(text(b"caf\xc3\xa9"), "café");
        assert_eq!(text(b"caf\xe9!"), "caf");
    }

    #[test]
    fn anything_but_a_number_is_none() {
        assert_eq!(number(b" 12 "), Some(12));
        assert_eq!(number(b"9999999999999999999"), Some(9_999_999_999_999_999_999));
        for odd in [&b""[..], b" ", b"-1", b"+1", b"1.5", b"abc", b"99999999999999999999", b"1\xff"] {
            assert_eq!(number(odd), None);
        }
    }
}
