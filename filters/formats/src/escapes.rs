//! Texts with backslashes.

use crate::scan::first_in_word;

/// Writes `raw` without its escapes to `room`; `None` if an escape is broken or there is too little room.
///
/// Besides JSON's own escapes, `\xHH` is taken: nginx writes it where the format was not told `escape=json`.
pub fn unescape(raw: &[u8], room: &mut [u8]) -> Option<usize> {
    let (mut at, mut written) = (0, 0);
    while at < raw.len() {
        let copied = copy(raw.get(at..)?, room.get_mut(written..)?)?;
        (at, written) = (at + copied.from, written + copied.to);
        if at == raw.len() {
            break;
        }
        let escape = *raw.get(at + 1)?;
        at += 2;
        let mut put = |bytes: &[u8]| {
            room.get_mut(written..written + bytes.len())?.copy_from_slice(bytes);
            written += bytes.len();
            Some(())
        };
        match escape {
            b'"' | b'\\' | b'/' => {
                *room.get_mut(written)? = escape;
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

/// How much was read, and how much written.
struct Copied {
    from: usize,
    to: usize,
}

/// Copies what stands before the next escape, and quotes with a backslash, the common one.
fn copy(raw: &[u8], room: &mut [u8]) -> Option<Copied> {
    let size = room.len();
    let (mut rest, mut room) = (raw, room);
    // What is copied of a word beyond a backslash is overwritten.
    while let Some((word, behind)) = rest.split_first_chunk()
        && let Some(place) = room.first_chunk_mut()
    {
        *place = *word;
        let Some(plain) = first_in_word(*word, b'\\') else {
            rest = behind;
            room = room.get_mut(8..)?;
            continue;
        };
        let Some([_, b'"', behind @ ..]) = rest.get(plain..) else { break };
        rest = behind;
        room = room.get_mut(plain..)?;
        let (place, room_behind) = room.split_first_mut()?;
        *place = b'"';
        room = room_behind;
    }
    let plain = rest.iter().position(|byte| *byte == b'\\').unwrap_or(rest.len());
    room.get_mut(..plain)?.copy_from_slice(rest.get(..plain)?);
    Some(Copied { from: raw.len() - rest.len() + plain, to: size - room.len() + plain })
}

/// The value of hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(raw: &str) -> Option<alloc::string::String> {
        let mut room = [0; 64];
        let written = unescape(raw.as_bytes(), &mut room)?;
        Some(alloc::string::String::from_utf8_lossy(&room[..written]).into_owned())
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
