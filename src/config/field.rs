//! One field of a JSON document; every error names its path, the value found and the values it takes.

use super::error::ConfigError;
use super::takes::{Takes, TimeRange};
use crate::json::value::{self, Value, ValueMap};
use crate::name::upstream_name;
use crate::sorted_map::SortedMap;
use crate::units::{Micros, Used};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// A value and its path in the document.
#[derive(Debug)]
pub struct Field<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    /// Returns the error that this field takes `takes`.
    pub fn error(&self, takes: Takes) -> ConfigError {
        ConfigError::Value { field: self.name(), found: value::shown(self.value), takes }
    }

    fn name(&self) -> String {
        if self.path.is_empty() { "the configuration".to_owned() } else { self.path.clone() }
    }

    /// Reads the field with `read` into `value`. Compiled once per type of values, not per field.
    ///
    /// # Errors
    ///
    /// Returns the error of `read`.
    #[inline(never)]
    pub fn read_into<T>(
        &self,
        value: &mut T,
        read: fn(&Self) -> Result<T, ConfigError>,
    ) -> Result<(), ConfigError> {
        *value = read(self)?;
        Ok(())
    }

    /// Calls `read` with each key and field of an object.
    pub(crate) fn each(
        &self,
        read: &mut dyn FnMut(&'a str, &Self) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        self.object()?.iter().try_for_each(|(key, value)| read(key, &self.child(key, value)))
    }

    /// Returns the error that this field does not exist beside the `known` ones.
    pub(crate) fn unknown(&self, known: &[&'static str]) -> ConfigError {
        ConfigError::Unknown { field: self.name(), known: known.into() }
    }

    /// Returns true if the value is an object.
    pub fn is_object(&self) -> bool {
        self.value.as_object().is_some()
    }

    fn object(&self) -> Result<&'a ValueMap, ConfigError> {
        self.value.as_object().ok_or_else(|| self.error(Takes::Object { required: &[] }))
    }

    fn child(&self, key: &str, value: &'a Value) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, value }
    }

    /// Reads a text of 1 to 256 bytes.
    pub fn text(&self) -> Result<String, ConfigError> {
        let (min, max) = (1, 256);
        match self.value.as_text() {
            Some(text) if (min..=max).contains(&text.len()) => Ok(text.to_owned()),
            _ => Err(self.error(Takes::Text { min, max })),
        }
    }

    /// Reads a secret text within a range of bytes; its error shows no part of the value.
    pub(crate) fn secret(&self, range: RangeInclusive<usize>) -> Result<&'a str, ConfigError> {
        let found = match self.value {
            Value::Text(text) if range.contains(&text.len()) => return Ok(text),
            Value::Text(text) => format!("a text of {} bytes", text.len()),
            _ => "not a text".to_owned(),
        };
        let takes = Takes::Text { min: *range.start(), max: *range.end() };
        Err(ConfigError::Value { field: self.name(), found, takes })
    }

    /// Returns a text of any length.
    pub(crate) fn any_text(&self) -> Option<&'a str> {
        self.value.as_text()
    }

    /// Reads a list of texts.
    pub fn texts(&self) -> Result<Vec<String>, ConfigError> {
        self.list(true)
    }

    /// Reads a list of texts of which none is empty.
    pub(crate) fn nonempty_texts(&self) -> Result<Vec<String>, ConfigError> {
        self.list(false)
    }

    fn list(&self, may_be_empty: bool) -> Result<Vec<String>, ConfigError> {
        let is_valid = |text: &&str| may_be_empty || !text.is_empty();
        let text = |item: &Value| item.as_text().filter(is_valid).map(ToOwned::to_owned);
        let texts = self.value.as_list().and_then(|list| list.iter().map(text).collect());
        texts.ok_or_else(|| self.error(Takes::Texts { may_be_empty }))
    }

    /// Reads an object whose values are read by `read`.
    pub(crate) fn by_name<T>(
        &self,
        read: impl Fn(&Self) -> Result<T, ConfigError>,
    ) -> Result<SortedMap<String, T>, ConfigError> {
        let mut values = SortedMap::default();
        self.each(&mut |key, field| {
            values.insert(key.to_owned(), read(field)?);
            Ok(())
        })?;
        Ok(values)
    }

    /// Reads an object by upstream: the key is the upstream's name, also as the proxy writes it.
    pub(crate) fn by_upstream<T>(
        &self,
        read: impl Fn(&Self) -> Result<T, ConfigError>,
    ) -> Result<SortedMap<String, T>, ConfigError> {
        let mut values = SortedMap::default();
        self.each(&mut |key, field| {
            let name = upstream_name(key);
            if values.contains(&*name) {
                let found = format!("a second section of {name}");
                return Err(ConfigError::Value {
                    field: field.name(),
                    found,
                    takes: Takes::Condition("one section per upstream"),
                });
            }
            values.insert(name.into_owned(), read(field)?);
            Ok(())
        })?;
        Ok(values)
    }

    /// Reads an object whose values are texts or null, which becomes an empty text.
    pub fn texts_by_name(&self) -> Result<SortedMap<String, String>, ConfigError> {
        self.by_name(|field| match field.value {
            Value::Null => Ok(String::new()),
            Value::Text(text) => Ok(text.to_owned()),
            _ => Err(field.error(Takes::TextOrNull)),
        })
    }

    /// Reads true or false.
    pub fn flag(&self) -> Result<bool, ConfigError> {
        self.value.as_flag().ok_or_else(|| self.error(Takes::Flag))
    }

    /// Reads one of a few words.
    pub fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T, ConfigError> {
        let word = self.value.as_text();
        let chosen = choices.iter().find(|(name, _)| Some(*name) == word);
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let words = choices.iter().map(|(name, _)| *name).collect();
            self.error(Takes::OneOf(words))
        })
    }

    /// Reads a whole number within a range.
    pub fn number(&self, range: RangeInclusive<u32>) -> Result<u32, ConfigError> {
        let number = self.value.as_count().and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.error(Takes::Number { min: *range.start(), max: *range.end() }))
    }

    /// Reads a time within a range: a decimal number and one of the units `us`, `ms`, `s`, `m`, `h`.
    pub fn span(&self, range: &'static TimeRange) -> Result<Micros, ConfigError> {
        const UNITS: [(&str, u64); 5] =
            [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000)];
        let span = self.value.as_text().and_then(|text| {
            let unit_at = text.bytes().position(|byte| byte.is_ascii_alphabetic())?;
            let (number, unit) = text.split_at_checked(unit_at)?;
            let (_, micros) = UNITS.iter().find(|(name, _)| *name == unit)?;
            decimal(number, *micros)
        });
        span.map(Micros::new)
            .filter(|span| range.contains(*span))
            .ok_or_else(|| self.error(Takes::Time(range)))
    }

    /// Reads milliseconds as a number, to the microsecond.
    pub(crate) fn millis(&self) -> Result<Micros, ConfigError> {
        value::millis(self.value).ok_or_else(|| self.error(Takes::Millis))
    }

    /// Reads a share: a decimal number and `%`, 0 % to 100 %.
    pub(crate) fn share(&self) -> Result<Used, ConfigError> {
        let share = self.value.as_text().and_then(|text| decimal(text.strip_suffix('%')?, 100));
        let share = share.and_then(|share| Used::from_basis_points(u16::try_from(share).ok()?));
        share.ok_or_else(|| self.error(Takes::Share))
    }
}

/// Returns `text` times `unit`, truncated to a whole number. Signs and exponents are refused, and no float is involved.
fn decimal(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let scale = 10u64.pow(fraction.len() as u32);
    let part = fraction.parse::<u64>().ok()?.checked_mul(unit)? / scale;
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(part)
}
