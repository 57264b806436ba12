//! Escape sequences.

use crate::swar::first_in_word;

/// Decodes the escapes of `raw` into `buffer` and returns the length; `None` if an escape is invalid or the buffer too
/// small.
///
/// Besides JSON's own escapes, `\xHH` is accepted: nginx writes it for formats without `escape=json`.
pub fn unescape(raw: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let (mut at, mut written) = (0, 0);
    while at < raw.len() {
        let copied = copy(raw.get(at..)?, buffer.get_mut(written..)?)?;
        (at, written) = (at + copied.from, written + copied.to);
        if at == raw.len() {
            break;
        }
        let escape = *raw.get(at + 1)?;
        at += 2;
        let mut put = |bytes: &[u8]| {
            buffer.get_mut(written..written + bytes.len())?.copy_from_slice(bytes);
            written += bytes.len();
            Some(())
        };
        match escape {
            b'"' | b'\\' | b'/' => {
                *buffer.get_mut(written)? = escape;
                written += 1;
            }
            b'b' => put(&[8])?,
            b'f' => put(&[12])?,
            b'n' => put(b"\n")?,
            b'r' => put(b"\r")?,
            b't' => put(b"\t")?,
            b'x' => {
                put(&[hex(raw.get(at..at + 2)?)? as u8])?;
                at += 2;
            }
            b'u' => {
                let mut code = hex(raw.get(at..at + 4)?)?;
                at += 4;
                if (0xd800..0xdc00).contains(&code)
                    && raw.get(at..at + 2) == Some(b"\\u")
                    && let Some(low) = raw.get(at + 2..at + 6).and_then(hex)
                    && (0xdc00..0xe000).contains(&low)
                {
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                put(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
            _ => return None,
        }
    }
    Some(written)
}

/// Numbers of bytes read and written.
struct Copied {
    from: usize,
    to: usize,
}

/// Copies the text before the next escape other than `\"`, the common one, which is decoded here.
fn copy(raw: &[u8], buffer: &mut [u8]) -> Option<Copied> {
    let size = buffer.len();
    let (mut rest, mut free) = (raw, buffer);
    // The bytes of a word after a backslash are overwritten.
    while let Some((word, after)) = rest.split_first_chunk()
        && let Some(target) = free.first_chunk_mut()
    {
        *target = *word;
        let Some(plain) = first_in_word(*word, b'\\') else {
            rest = after;
            free = free.get_mut(8..)?;
            continue;
        };
        let Some([_, b'"', after @ ..]) = rest.get(plain..) else { break };
        rest = after;
        free = free.get_mut(plain..)?;
        let (quote, free_after) = free.split_first_mut()?;
        *quote = b'"';
        free = free_after;
    }
    let plain = rest.iter().position(|byte| *byte == b'\\').unwrap_or(rest.len());
    free.get_mut(..plain)?.copy_from_slice(rest.get(..plain)?);
    Some(Copied { from: raw.len() - rest.len() + plain, to: size - free.len() + plain })
}

/// Returns the value of hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(raw: &str) -> Option<alloc::string::String> {
        let mut buffer = [0; 64];
        let written = unescape(raw.as_bytes(), &mut buffer)?;
        Some(alloc::string::String::from_utf8_lossy(&buffer[..written]).into_owned())
    }

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(unescaped(r#"a\"b\\c\/\n"#).as_deref(), Some("a\"b\\c/\n"));
        assert_eq!(unescaped(r"\u00e9 \ud83d\ude00 \ud83d.").as_deref(), Some("é 😀 \u{fffd}."));
        assert_eq!(unescaped(r"\xC3\xA9").as_deref(), Some("é"));
        let text = r#"\"GET /a/long/path HTTP/1.1\" 200 \"-\"\n"#;
        assert_eq!(unescaped(text).as_deref(), Some("\"GET /a/long/path HTTP/1.1\" 200 \"-\"\n"));
        assert_eq!(unescaped(r"\q"), None);
        assert_eq!(unescaped(r"\u12"), None);
    }
}
