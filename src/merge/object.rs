//! The fields of a record; every error names the field, the value found and the values it takes.

use super::error::RecordError;
use crate::json::value::{self, Value, ValueMap};
use crate::time;
use crate::units::{Micros, Timestamp};
use crate::verdict::Signals;
use alloc::string::String;
use alloc::vec::Vec;

/// An object and its path in the record.
pub(super) struct Object<'a> {
    within: &'a str,
    fields: &'a ValueMap,
}

const COUNT: &str = "a whole number, 0 or more";

impl<'a> Object<'a> {
    pub(super) fn root(fields: &'a ValueMap) -> Self {
        Self { within: "", fields }
    }

    /// Returns the error that a field of it takes `takes`.
    pub(super) fn error(&self, key: &str, takes: &'static str) -> RecordError {
        let dot = if self.within.is_empty() { "" } else { "." };
        RecordError::field(&alloc::format!("{}{dot}{key}", self.within), self.fields.get(key), takes)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.contains(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.fields.iter()
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, RecordError> {
        self.get(key, "a text", Value::as_text)
    }

    pub(super) fn count(&self, key: &str) -> Result<u64, RecordError> {
        self.get(key, COUNT, Value::as_count)
    }

    /// Reads an optional field.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Self, &str) -> Result<T, RecordError>,
    ) -> Result<Option<T>, RecordError> {
        self.has(key).then(|| read(self, key)).transpose()
    }

    pub(super) fn signed(
        &self,
        key: &str,
        range: core::ops::RangeInclusive<i64>,
        takes: &'static str,
    ) -> Result<i64, RecordError> {
        self.get(key, takes, |value| value.as_signed().filter(|number| range.contains(number)))
    }

    /// Reads milliseconds, to the microsecond.
    pub(super) fn millis(&self, key: &str) -> Result<Micros, RecordError> {
        self.get(key, "milliseconds such as 42.1", value::millis)
    }

    pub(super) fn time(&self, key: &str) -> Result<Timestamp, RecordError> {
        let read = |value: &Value| time::parse(value.as_text()?);
        self.get(key, "a time such as \"2026-11-23T08:00:00.000Z\"", read)
    }

    pub(super) fn object(&self, key: &'a str) -> Result<Self, RecordError> {
        let fields = self.get(key, "an object", Value::as_object)?;
        Ok(Self { within: key, fields })
    }

    /// Reads the counts of exchanges by signal.
    pub(super) fn signals(&self) -> Result<[u64; Signals::COUNT], RecordError> {
        let signals = self.object("signals")?;
        let mut counts = [0; Signals::COUNT];
        for (name, _) in signals.iter() {
            let index = Signals::NAMES.into_iter().position(|known| known == name);
            let count = index.and_then(|index| counts.get_mut(index));
            *count.ok_or_else(|| signals.error(name, "a known signal"))? = signals.count(name)?;
        }
        Ok(counts)
    }

    /// Reads a list of objects.
    pub(super) fn objects(
        &self,
        key: &'a str,
    ) -> Result<impl Iterator<Item = Result<Self, RecordError>>, RecordError> {
        const TAKES: &str = "a list of objects";
        let list = self.get(key, TAKES, Value::as_list)?;
        Ok(list.iter().map(move |item| match item.as_object() {
            Some(fields) => Ok(Self { within: key, fields }),
            None => Err(RecordError::field(key, Some(item), TAKES)),
        }))
    }

    /// Reads a list of whole numbers.
    pub(super) fn counts(&self, key: &str) -> Result<Vec<u64>, RecordError> {
        self.get(key, "a list of whole numbers", Value::as_counts)
    }

    /// Reads a list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&'a str>, RecordError> {
        self.get(key, "a list of texts", |value| value.as_list()?.iter().map(Value::as_text).collect())
    }

    fn get<T>(
        &self,
        key: &str,
        takes: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, RecordError> {
        self.fields.get(key).and_then(read).ok_or_else(|| self.error(key, takes))
    }
}
