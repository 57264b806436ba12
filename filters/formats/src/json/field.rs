//! The value of one field, of the type it takes.

use super::{JsonCursor, ends_value};
use crate::error::{LineError, LineErrorKind};
use crate::number;
use crate::swar::find_either;
use crate::time::{MAX_DURATION, MAX_TIMESTAMP};
use nearmiss::{Micros, Timestamp};

impl<'a> JsonCursor<'a> {
    /// Reads a string, the value of `field`.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn text_of(&mut self, field: &'static str) -> Result<&'a str, LineError> {
        if self.byte() == Some(b'"') { self.text() } else { Err(self.invalid(field, "a string")) }
    }

    /// Reads `true` or `false`, the value of `field`.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn bool_of(&mut self, field: &'static str) -> Result<bool, LineError> {
        match self.word() {
            b"true" => {
                self.at += 4;
                Ok(true)
            }
            b"false" => {
                self.at += 5;
                Ok(false)
            }
            _ => Err(self.invalid(field, "true or false")),
        }
    }

    /// Reads a whole number up to `max`, the value of `field`.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn whole_of(
        &mut self,
        field: &'static str,
        max: u64,
        takes: &'static str,
    ) -> Result<u64, LineError> {
        let rest = self.line.get(self.at..).unwrap_or_default();
        match number::whole(rest) {
            Some((value, length)) if value <= max && ends_value(rest.get(length)) => {
                self.at += length;
                Ok(value)
            }
            _ => Err(self.invalid(field, takes)),
        }
    }

    /// Reads milliseconds, the value of `field`.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn millis_of(&mut self, field: &'static str) -> Result<Micros, LineError> {
        self.scaled_of(field, 3, MAX_DURATION, "milliseconds, 0 to 10^12").map(Micros::new)
    }

    /// Reads Unix milliseconds, the value of `field`.
    pub(crate) fn epoch_millis_of(&mut self, field: &'static str) -> Result<Timestamp, LineError> {
        self.scaled_of(field, 3, MAX_TIMESTAMP, "Unix milliseconds up to the year 9999")
            .map(Timestamp::from_micros)
    }

    /// Reads Unix seconds, the value of `field`.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn seconds_of(&mut self, field: &'static str) -> Result<Timestamp, LineError> {
        self.scaled_of(field, 6, MAX_TIMESTAMP, "Unix seconds up to the year 9999")
            .map(Timestamp::from_micros)
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn scaled_of(
        &mut self,
        field: &'static str,
        shift: u32,
        max: u64,
        takes: &'static str,
    ) -> Result<u64, LineError> {
        let rest = self.line.get(self.at..).unwrap_or_default();
        match number::scaled(rest, shift) {
            Some((value, length)) if value <= max && ends_value(rest.get(length)) => {
                self.at += length;
                Ok(value)
            }
            _ => Err(self.invalid(field, takes)),
        }
    }

    /// Enters the array that is the value of `field`.
    pub(crate) fn array_of(&mut self, field: &'static str) -> Result<(), LineError> {
        if self.byte() != Some(b'[') {
            return Err(self.invalid(field, "an array"));
        }
        self.at += 1;
        Ok(())
    }

    /// Enters the object that is the value of `field`, or an item of it.
    pub(crate) fn object_of(&mut self, field: &'static str) -> Result<(), LineError> {
        if self.byte() != Some(b'{') {
            return Err(self.invalid(field, "an object"));
        }
        self.at += 1;
        Ok(())
    }

    /// Creates the error that `field` does not take the value at the cursor.
    #[cold]
    pub(crate) fn invalid(&self, field: &'static str, takes: &'static str) -> LineError {
        match self.byte() {
            None => LineError::new(self.at, LineErrorKind::Truncated { expected: "a value" }),
            Some(b'"' | b'{' | b'[') => {
                let rest = self.line.get(self.at..).unwrap_or_default();
                let end = find_either(rest, 1, b'"', b',').map_or(rest.len(), |end| end + 1);
                LineError::invalid(self.at, field, rest.get(..end).unwrap_or(rest), takes)
            }
            Some(_) => LineError::invalid(self.at, field, self.word(), takes),
        }
    }
}
