//! A JSON object with its members, checked to the last byte, for a pipeline that will put the object's text on.
//!
//! A pipeline makes the JSON from its own data, so it nearly always is some; but a NaN, an infinity or a key that is no text
//! is written as no JSON reader takes it, and what goes back must be JSON. So every byte is looked at, most of them
//! eight at a time. Records of one source have the same keys in the same order: the keys of the record before are compared
//! as they stand, and what is known of them need not be found out again.

use crate::Format;
use alloc::vec::Vec;
use core::ops::Range;

/// The deepest nesting that is taken, the object itself included.
pub const MAX_DEPTH: u32 = 63;
/// The most members that are told apart.
const MAX_MEMBERS: usize = 64;

/// The members of one object after the other.
#[derive(Debug, Default)]
pub struct Object {
    members: Vec<Member>,
    /// There are more members than are told apart.
    is_larger: bool,
    /// Where the closing brace is.
    close: usize,
    roles: Roles,
    shape: Shape,
    pub(crate) format: Option<Format>,
}

/// One member: where its key and its value are, without quotes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Member {
    key: (u32, u32),
    value: (u32, u32),
    pub(crate) kind: Kind,
    pub(crate) slot: u8,
}

/// What a value is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A text that says what stands there.
    #[default]
    Text,
    /// A text with escapes.
    Escaped,
    /// A number, `true`, `false` or `null`.
    Bare,
    /// An object or a list.
    Nested,
}

/// What the keys mean to a pipeline, whatever the format.
#[derive(Clone, Copy, Debug, Default)]
struct Roles {
    /// The member that is `log`, a line as it was logged.
    log: Option<u8>,
    /// The member that is `message`: the same, if there is no `log`.
    message: Option<u8>,
    /// One is `near_miss`.
    is_judged: bool,
    /// One is another that only we write.
    is_ours: bool,
}

/// What stood between the values of the object before: `{"a":` or `","b":"`, and what is known of each member.
#[derive(Debug, Default)]
struct Shape {
    glue: Vec<u8>,
    members: Vec<Known>,
    roles: Roles,
}

/// A member of the object before.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// How many bytes of the shape's glue stand before its value.
    glue: u32,
    /// How many bytes of that stand behind its key: `":` or `":"`.
    behind_key: u8,
    /// How long its key is.
    key_len: u32,
    kind: Kind,
    slot: u8,
}

/// The slot of a key that nobody has looked up yet.
pub(crate) const UNKNOWN: u8 = u8::MAX;

impl Object {
    /// Takes the next object; false if `record` is not one JSON object, or one that nests too deep.
    pub fn take(&mut self, record: &[u8]) -> bool {
        self.is_larger = false;
        if self.follow(record).is_some() {
            return true;
        }
        self.members.clear();
        let taken = self.scan(record).is_some();
        if taken {
            self.learn(record);
        }
        taken
    }

    /// Everything of `record`, the object that was taken, before its closing brace.
    pub fn head<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(..self.close).unwrap_or_default()
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The line inside of `record`: the text of `log`, or else of `message`, and whether it has escapes.
    pub fn line<'a>(&self, record: &'a [u8]) -> Option<(&'a [u8], bool)> {
        let member = self.members.get(usize::from(self.roles.log.or(self.roles.message)?))?;
        let is_text = matches!(member.kind, Kind::Text | Kind::Escaped);
        is_text.then(|| (member.value(record), member.kind == Kind::Escaped))
    }

    /// It has `near_miss`.
    pub fn is_judged(&self) -> bool {
        self.roles.is_judged
    }

    /// It has another field that only we write.
    pub fn is_ours(&self) -> bool {
        self.roles.is_ours
    }

    /// The members, if all of them are told apart.
    pub(crate) fn members(&mut self) -> Option<&mut [Member]> {
        (!self.is_larger).then_some(self.members.as_mut_slice())
    }

    /// Keeps the slots that were looked up for the next object of this shape.
    pub(crate) fn keep_slots(&mut self) {
        for (known, member) in self.shape.members.iter_mut().zip(&self.members) {
            known.slot = member.slot;
        }
    }

    /// Takes an object that has the shape of the one before: what stands between its values is compared, its values are
    /// looked at.
    fn follow(&mut self, record: &[u8]) -> Option<()> {
        let Self { members, shape, close, roles, .. } = self;
        members.resize(shape.members.len(), Member::default());
        let mut rest = record;
        let mut glue = shape.glue.as_slice();
        for (known, member) in shape.members.iter().zip(members) {
            let (before, glue_behind) = glue.split_at_checked(known.glue as usize)?;
            glue = glue_behind;
            rest = rest.strip_prefix(before)?;
            let start = record.len() - rest.len();
            let mut kind = known.kind;
            let end = match kind {
                // What is no plain text is for those who look closer.
                Kind::Text => plain_text(rest).map(|length| start + length)?,
                Kind::Bare => match whole(rest) {
                    Some(length) => start + length,
                    None => {
                        let mut scan = Scan { record, at: start };
                        scan.bare()?;
                        scan.at
                    }
                },
                Kind::Escaped => {
                    let mut scan = Scan { record, at: start };
                    if scan.rest_of_text()? {
                        kind = Kind::Text;
                    }
                    scan.at - 1
                }
                Kind::Nested => {
                    let mut scan = Scan { record, at: start };
                    matches!(scan.byte()?, b'{' | b'[').then_some(())?;
                    scan.value()?;
                    scan.at
                }
            };
            rest = record.get(end..)?;
            let key_end = start as u32 - u32::from(known.behind_key);
            *member = Member {
                key: (key_end - known.key_len, key_end),
                value: (start as u32, end as u32),
                kind,
                slot: known.slot,
            };
        }
        *roles = shape.roles;
        // The last piece of glue ends with the closing brace; before the first shape there is none.
        *close = record.len().checked_sub(1).filter(|_| !glue.is_empty() && glue == rest)?;
        Some(())
    }

    /// Looks at every byte.
    fn scan(&mut self, record: &[u8]) -> Option<()> {
        let mut scan = Scan { record, at: 0 };
        self.roles = Roles::default();
        scan.blanks();
        scan.take(b'{')?;
        scan.blanks();
        while scan.byte()? != b'}' || !self.members.is_empty() {
            let (key, _) = scan.text()?;
            scan.blanks();
            scan.take(b':')?;
            scan.blanks();
            let (value, kind) = match scan.byte()? {
                b'"' => {
                    let (value, is_plain) = scan.text()?;
                    (value, if is_plain { Kind::Text } else { Kind::Escaped })
                }
                first => {
                    let start = scan.at;
                    scan.value()?;
                    let is_nested = matches!(first, b'{' | b'[');
                    (start..scan.at, if is_nested { Kind::Nested } else { Kind::Bare })
                }
            };
            self.roles.note(record.get(key.clone())?, self.members.len());
            if self.members.len() < MAX_MEMBERS {
                let place = |range: &Range<usize>| (range.start as u32, range.end as u32);
                let (key, value) = (place(&key), place(&value));
                self.members.push(Member { key, value, kind, slot: UNKNOWN });
            } else {
                self.is_larger = true;
            }
            scan.blanks();
            match scan.byte()? {
                b',' => scan.at += 1,
                b'}' => break,
                _ => return None,
            }
            scan.blanks();
        }
        self.close = scan.at;
        scan.at += 1;
        scan.blanks();
        (scan.at == record.len()).then_some(())
    }

    /// Keeps the shape of `record` for the next one.
    #[cold]
    fn learn(&mut self, record: &[u8]) {
        let Self { members, shape, roles, .. } = self;
        shape.roles = *roles;
        self.format = None;
        shape.glue.clear();
        shape.members.clear();
        if self.is_larger {
            return;
        }
        let mut at = 0;
        for member in members {
            shape
                .glue
                .extend_from_slice(record.get(at as usize..member.value.0 as usize).unwrap_or_default());
            shape.members.push(Known {
                glue: member.value.0 - at,
                behind_key: u8::try_from(member.value.0 - member.key.1).unwrap_or_default(),
                key_len: member.key.1 - member.key.0,
                kind: member.kind,
                slot: UNKNOWN,
            });
            at = member.value.1;
            if member.value.0 - member.key.1 > u32::from(u8::MAX) {
                // More blanks than anybody writes: nothing is kept of such an object.
                shape.glue.clear();
                shape.members.clear();
                return;
            }
        }
        shape.glue.extend_from_slice(record.get(at as usize..=self.close).unwrap_or_default());
    }
}

impl Member {
    pub(crate) fn key<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(self.key.0 as usize..self.key.1 as usize).unwrap_or_default()
    }

    pub(crate) fn value<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(self.value.0 as usize..self.value.1 as usize).unwrap_or_default()
    }
}

impl Roles {
    fn note(&mut self, key: &[u8], place: usize) {
        match key {
            b"log" => self.log = u8::try_from(place).ok(),
            b"message" => self.message = u8::try_from(place).ok(),
            b"near_miss" => self.is_judged = true,
            b"near_miss_episodes" | b"near_miss_summaries" | b"near_miss_note" => self.is_ours = true,
            _ => {}
        }
    }
}

/// Whether `text` may stand between quotes as it is.
pub fn is_plain(text: &[u8]) -> bool {
    plain_end(text, 0) == text.len()
}

/// Whether `word` is a number, `true`, `false` or `null`.
pub fn is_scalar(word: &[u8]) -> bool {
    let mut scan = Scan { record: word, at: 0 };
    scan.byte() != Some(b'"') && scan.scalar().is_some() && scan.at == word.len()
}

/// Where looking has come to.
struct Scan<'a> {
    record: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    #[inline]
    fn byte(&self) -> Option<u8> {
        self.record.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then(|| self.at += 1)
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Where the inside of a text is, and whether it has no escapes.
    #[inline]
    fn text(&mut self) -> Option<(Range<usize>, bool)> {
        self.take(b'"')?;
        let start = self.at;
        let is_plain = self.rest_of_text()?;
        Some((start..self.at - 1, is_plain))
    }

    /// Passes over a text behind its opening quote; whether it has no escapes.
    fn rest_of_text(&mut self) -> Option<bool> {
        let start = self.at;
        self.at += past_quotes(self.record.get(start..)?);
        let (mut is_ascii, mut is_plain) = (true, self.at == start);
        loop {
            self.at = plain_end(self.record, self.at);
            match self.byte()? {
                b'"' => break,
                b'\\' => {
                    is_plain = false;
                    self.escape()?;
                }
                0x80.. => {
                    is_ascii = false;
                    self.at += 1;
                }
                _ => return None,
            }
        }
        let is_sound = is_ascii || core::str::from_utf8(self.record.get(start..self.at)?).is_ok();
        self.at += 1;
        is_sound.then_some(is_plain)
    }

    /// Passes over a number or a word.
    #[inline]
    fn bare(&mut self) -> Option<()> {
        (self.byte()? != b'"').then_some(())?;
        self.scalar()
    }

    /// Passes over the escape that begins here.
    fn escape(&mut self) -> Option<()> {
        match self.record.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let unit = self.unit(self.at)?;
                self.at += 6;
                match unit {
                    0xd800..0xdc00 => {
                        let low = self.unit(self.at)?;
                        self.at += 6;
                        (0xdc00..0xe000).contains(&low).then_some(())?;
                    }
                    0xdc00..0xe000 => return None,
                    _ => {}
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// The number of the `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Option<u32> {
        let [b'\\', b'u', digits @ ..] = self.record.get(at..at + 6)? else { return None };
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }

    /// Passes over a value of any kind. Which levels are objects is kept as one bit each.
    fn value(&mut self) -> Option<()> {
        let (mut objects, mut depth) = (0_u64, 1);
        'value: loop {
            match self.byte()? {
                open @ (b'{' | b'[') => {
                    depth += 1;
                    (depth <= MAX_DEPTH).then_some(())?;
                    objects = objects << 1 | u64::from(open == b'{');
                    self.at += 1;
                    self.blanks();
                    // In ASCII a bracket closes two places behind the one that opens.
                    if self.byte()? != open + 2 {
                        self.key_in(objects)?;
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                if depth == 1 {
                    return Some(());
                }
                self.blanks();
                match (self.byte()?, objects & 1) {
                    (b',', _) => {
                        self.at += 1;
                        self.blanks();
                        self.key_in(objects)?;
                        continue 'value;
                    }
                    (b'}', 1) | (b']', 0) => {
                        self.at += 1;
                        objects >>= 1;
                        depth -= 1;
                    }
                    _ => return None,
                }
            }
        }
    }

    /// Passes over a key and its colon, if the innermost level is an object.
    #[inline]
    fn key_in(&mut self, objects: u64) -> Option<()> {
        if objects & 1 == 1 {
            self.text()?;
            self.blanks();
            self.take(b':')?;
            self.blanks();
        }
        Some(())
    }

    #[inline]
    fn scalar(&mut self) -> Option<()> {
        match self.byte()? {
            b'"' => self.text().map(drop),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.record.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.byte()? == b'-');
        match self.byte()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    /// At least one digit.
    #[inline]
    fn digits(&mut self) -> Option<()> {
        let first = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > first).then_some(())
    }
}

/// Every byte of a word set to 1.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const TOPS: u64 = 0x80 * ONES;

/// How long the plain text is that ends with a quote.
#[inline]
fn plain_text(text: &[u8]) -> Option<usize> {
    let length = plain_end(text, 0);
    (text.get(length) == Some(&b'"')).then_some(length)
}

/// How long the whole number without a sign is; `None` at anything else.
#[inline]
fn whole(text: &[u8]) -> Option<usize> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let is_whole = matches!(text.get(length), Some(b',' | b'}'))
        && (length == 1 || length > 1 && text.first() != Some(&b'0'));
    is_whole.then_some(length)
}

/// How far the beginning of a text goes that is plain but for quotes with a backslash, up to the last of these: the common
/// case of a text with escapes.
fn past_quotes(text: &[u8]) -> usize {
    let (mut rest, mut behind_last) = (text, text);
    while let Some((word, behind)) = rest.split_first_chunk() {
        let special = special(*word);
        if special == 0 {
            rest = behind;
            continue;
        }
        let Some([b'\\', b'"', behind @ ..]) = rest.get((special.trailing_zeros() / 8) as usize..) else {
            break;
        };
        (rest, behind_last) = (behind, behind);
    }
    text.len() - behind_last.len()
}

/// The top bit of the first byte that is not a plain character of a text; bits above it may be set too.
#[inline]
fn special(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let quote = (word ^ (u64::from(b'"') * ONES)).wrapping_sub(ONES);
    let backslash = (word ^ (u64::from(b'\\') * ONES)).wrapping_sub(ONES);
    let control = word.wrapping_sub(0x20 * ONES);
    (word | quote | backslash | control) & TOPS
}

/// The first place at or after `at` that is not a plain character of a text: a quote, a backslash, a control character
/// or anything but ASCII; the end if there is none.
#[inline]
fn plain_end(bytes: &[u8], at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((word, behind)) = rest.split_first_chunk() {
        let special = special(*word);
        if special != 0 {
            return bytes.len() - rest.len() + (special.trailing_zeros() / 8) as usize;
        }
        rest = behind;
    }
    let mut at = bytes.len() - rest.len();
    while let Some(0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7f) = bytes.get(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_does_not_hide_what_is_wrong() {
        let mut object = Object::default();
        for (good, bad) in [
            (r#"{"a":"x","b":1}"#, r#"{"a":"x\","b":1}"#),
            (r#"{"a":"x","b":1}"#, r#"{"a":"x","b":nan}"#),
            (r#"{"a":"x","b":1}"#, r#"{"a":"x","b":"1}"#),
            (r#"{"a":"x","b":1}"#, r#"{"a":"x","b":1"#),
            (r#"{"a":"x","b":1}"#, r#"{"a":"x","b":1}}"#),
            (r#"{"a":[1]}"#, r#"{"a":[}"#),
            (r#"{"a":"\n"}"#, r#"{"a":"\q"}"#),
            ("{}", "{"),
        ] {
            assert!(object.take(good.as_bytes()) && object.take(good.as_bytes()), "{good}");
            assert!(!object.take(bad.as_bytes()), "{bad}");
        }
    }

    fn taken(record: &[u8]) -> Option<Object> {
        let mut object = Object::default();
        object.take(record).then_some(object)
    }

    fn line(record: &str) -> Option<&str> {
        let (line, _) = taken(record.as_bytes())?.line(record.as_bytes())?;
        core::str::from_utf8(line).ok()
    }

    #[test]
    fn the_line_inside_is_found() {
        assert_eq!(line(r#"{"message":"m","a":[{"log":1}],"log":"a \"b\""}"#), Some(r#"a \"b\""#));
        assert_eq!(line(r#"{"message":"m"}"#), Some("m"));
        assert_eq!(line(r#"{"log":7,"a":{"message":"m"}}"#), None);
    }

    #[test]
    fn what_is_json_is_taken_and_nothing_else() {
        let mut deep = alloc::string::String::from("0");
        for _ in 1..MAX_DEPTH {
            deep = alloc::format!("[{deep}]");
        }
        let good = [
            "{}",
            " { } ",
            r#"{"a":[],"b":{},"c":[[],{"d":[1,2.5e-7,-0,true,false,null,"\u00e9\ud83d\ude00\n"]}]}"#,
            "{\"é\":\"\u{7f}\"}",
            &alloc::format!("{{\"a\":{deep}}}"),
        ];
        for record in good {
            assert!(taken(record.as_bytes()).is_some(), "{record}");
        }
        let bad = [
            "",
            "[]",
            "{",
            "{}}",
            "{} {}",
            "{1:2}",
            "{\"a\":nan}",
            "{\"a\":-inf}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":\"\\x01\"}",
            "{\"a\":\"\\ud83d\"}",
            "{\"a\":\"\\udc00\"}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{,}",
            "{\"a\":[,]}",
            "{\"a\":[1,]}",
            "{\"a\":[1}}",
            "{\"a\":{\"b\"}}",
            "{\"a\":truth}",
            "{\"a\":\"b}",
            &alloc::format!("{{\"a\":[{deep}]}}"),
        ];
        for record in bad {
            assert!(taken(record.as_bytes()).is_none(), "{record}");
        }
        assert!(taken(b"{\"a\":\"\xff\"}").is_none());
    }

    #[test]
    fn our_own_fields_are_seen() {
        let of = |record: &'static str| taken(record.as_bytes()).map(|it| (it.is_judged(), it.is_ours()));
        assert_eq!(of(r#"{"near_miss":null}"#), Some((true, false)));
        assert_eq!(of(r#"{"near_miss_summaries":[]}"#), Some((false, true)));
        assert_eq!(of(r#"{"near_misses":[],"a":{"near_miss":1}}"#), Some((false, false)));
    }

    #[test]
    fn objects_of_one_shape_and_of_others_are_taken_alike() {
        let records = [
            r#"{"a":1,"b":"x"}"#,
            r#"{"a":2,"b":"y\\"}"#,
            r#"{"a":2,"b":"y\\","c":[]}"#,
            r#"{"a":2}"#,
            "{}",
            r#"{"b":2,"a" : 3}"#,
            r#"{"b":2,"a":3}"#,
            r#"{"b":nan,"a":3}"#,
            r#"{"b":2,"ab":3}"#,
        ];
        let mut object = Object::default();
        for record in records.into_iter().chain(records.into_iter().rev()) {
            let fresh = taken(record.as_bytes());
            assert_eq!(object.take(record.as_bytes()), fresh.is_some(), "{record}");
            let Some(fresh) = fresh else { continue };
            assert_eq!(object.head(record.as_bytes()), fresh.head(record.as_bytes()));
            let shown = |object: &Object| {
                let show = |member: &Member| {
                    (
                        member.key(record.as_bytes()).to_vec(),
                        member.value(record.as_bytes()).to_vec(),
                        member.kind,
                    )
                };
                object.members.iter().map(show).collect::<Vec<_>>()
            };
            assert_eq!(shown(&object), shown(&fresh));
        }
    }

    #[test]
    fn the_end_of_a_plain_text_is_found_at_every_place() {
        for length in 0..40 {
            for place in 0..length {
                for stop in [b'"', b'\\', 0, 0x1f, 0x80, 0xff] {
                    let mut bytes = alloc::vec![b'a'; length];
                    bytes[place] = stop;
                    bytes[place + 1..].fill(stop);
                    assert_eq!(plain_end(&bytes, 0), place);
                }
            }
            assert_eq!(plain_end(&alloc::vec![0x7f; length], 0), length);
        }
    }
}
