//! JSON Schema of the configuration, derived from the parser: its errors name the fields of each object and the values that each
//! field takes.

use crate::config;
use nearmiss::ConfigError;
use nearmiss::config::Takes;
use serde_json::{Map, Value, json};

/// The page with a table of all fields, which are the descriptions.
const REFERENCE: &str = include_str!("../../../../docs/config.md");
/// Key that no object has a field of; objects with keys of the user's own take it.
const ANY_KEY: &str = "*";

/// Returns the schema of the whole document.
pub(crate) fn schema() -> Value {
    let mut schema = object(&[]);
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("Configuration of nearmiss"));
    Value::Object(schema)
}

/// Returns the schema of the value at `path`.
fn value(path: &[&str]) -> Value {
    let takes = takes(path, odd());
    let object = Some(object(path)).filter(|object| !object.is_empty());
    let mut schema = match (takes.as_ref().and_then(scalar), object) {
        (Some(scalar), Some(object)) => Map::from_iter([("anyOf".into(), json!([scalar, object]))]),
        (Some(scalar), None) => scalar,
        (None, object) => object.unwrap_or_default(),
    };
    let takes = takes.filter(|takes| !matches!(takes, Takes::Object { .. }));
    if let Some(description) = description(path).or_else(|| Some(format!("It takes {}.", takes?))) {
        schema.insert("description".into(), description.into());
    }
    Value::Object(schema)
}

/// Returns the schema of the object at `path`; empty if the value there is none.
fn object(path: &[&str]) -> Map<String, Value> {
    let inner = [path, &[ANY_KEY]].concat();
    let mut schema = Map::from_iter([("type".into(), json!("object"))]);
    match refusal(&inner, odd()) {
        Some(ConfigError::Unknown { known, .. }) => {
            let fields = known.iter().map(|name| ((*name).to_owned(), value(&[path, &[name]].concat())));
            schema.insert("properties".into(), fields.collect());
            schema.insert("additionalProperties".into(), json!(false));
            let required = required(path);
            if !required.is_empty() {
                schema.insert("required".into(), json!(required));
            }
            schema
        }
        Some(ConfigError::Value { field, .. }) if field == inner.join(".") => {
            schema.insert("additionalProperties".into(), value(&inner));
            schema
        }
        _ => Map::new(),
    }
}

/// Returns the fields that the object at `path` must have.
fn required(path: &[&str]) -> Vec<&'static str> {
    match takes(path, json!({})) {
        Some(Takes::Object { required }) => required.to_vec(),
        Some(Takes::NameOrObject(name)) => vec![name],
        _ => Vec::new(),
    }
}

/// Returns a value that no field takes.
fn odd() -> Value {
    json!([null])
}

/// Returns the error of the parser if the document has `value` at `path`.
fn refusal(path: &[&str], value: Value) -> Option<ConfigError> {
    let document = path.iter().rev().fold(value, |value, key| json!({ *key: value }));
    config::parse(&document.to_string()).err()
}

/// Returns the values that the field at `path` takes if it refuses `value`.
fn takes(path: &[&str], value: Value) -> Option<Takes> {
    match refusal(path, value) {
        Some(ConfigError::Value { takes, .. }) => Some(takes),
        _ => None,
    }
}

/// Returns the schema of the values that are no objects.
fn scalar(takes: &Takes) -> Option<Map<String, Value>> {
    let schema = match takes {
        Takes::DayOrTime => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"}),
        Takes::Flag => json!({"type": "boolean"}),
        Takes::Millis => json!({"type": "number", "minimum": 0}),
        Takes::NameOrObject(_) => json!({"type": "string", "minLength": 1}),
        Takes::Number { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Takes::OneOf(words) => json!({"enum": words}),
        Takes::Share => json!({"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,9})?%$"}),
        // A schema counts characters, of which four bytes hold at least one.
        Takes::Text { min, max } => json!({"type": "string", "minLength": min.div_ceil(4), "maxLength": max}),
        Takes::TextOrNull => json!({"type": ["string", "null"]}),
        Takes::Texts { may_be_empty: true } => json!({"type": "array", "items": {"type": "string"}}),
        Takes::Texts { may_be_empty: false } => {
            json!({"type": "array", "items": {"type": "string", "minLength": 1}})
        }
        Takes::Time(_) => json!({"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,9})?(us|ms|s|m|h)$"}),
        _ => return None,
    };
    schema.as_object().cloned()
}

/// Returns the meaning of the field at `path` from the reference, without links.
fn description(path: &[&str]) -> Option<String> {
    let row = REFERENCE.lines().find(|line| {
        let field = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()).unwrap_or_default();
        let mut keys = field.split('.').map(|key| if key.starts_with('<') { ANY_KEY } else { key });
        path.iter().all(|key| keys.next() == Some(key)) && keys.next().is_none()
    })?;
    let meaning = row.trim_end_matches([' ', '|']).rsplit(" | ").next()?;
    let mut text = String::new();
    for (index, part) in meaning.split("](").enumerate() {
        // After the first, a part begins with the address of a link.
        let part = if index == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) };
        text.extend(part.chars().filter(|c| !matches!(c, '[' | '\\')));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Calls `found` with the path and the schema of each field below `schema`.
    fn each(path: &str, schema: &Value, found: &mut impl FnMut(&str, &Value)) {
        let object = schema["anyOf"].get(1).unwrap_or(schema);
        for (name, field) in object["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}{name}");
            found(&path, field);
            each(&format!("{path}."), field, found);
        }
        if object["additionalProperties"].is_object() {
            let path = format!("{path}{ANY_KEY}");
            found(&path, &object["additionalProperties"]);
            each(&format!("{path}."), &object["additionalProperties"], found);
        }
    }

    #[test]
    fn every_field_has_a_type() {
        let mut fields = 0;
        each("", &schema(), &mut |path, field| {
            fields += 1;
            let is_typed = ["type", "enum", "anyOf"].iter().any(|key| field.get(key).is_some());
            assert!(is_typed, "{path}: {field}");
        });
        assert!(fields > 50, "{fields}");
    }

    #[test]
    fn every_field_that_a_user_sets_is_described_in_the_reference() {
        each("", &schema(), &mut |path, field| {
            let is_inside = ["reference.*.", "envoy.collector.", "fields.*", "fluent_bit.fields.*"]
                .iter()
                .any(|start| path.starts_with(start));
            let is_section = field.get("properties").is_some()
                || path.ends_with('*')
                || path == "upstreams"
                || path == "reference";
            let description = field["description"].as_str().unwrap_or_default();
            assert!(is_inside || is_section || !description.starts_with("It takes"), "{path}: {field}");
        });
    }

    #[test]
    fn a_description_has_no_links() {
        let text = description(&["envoy", "mode"]).unwrap();
        assert_eq!(text, "`\"lean\"` reads less and cannot detect some fates, see Envoy");
    }

    #[test]
    fn a_reference_needs_three_fields_and_a_collector_its_cluster() {
        let schema = schema();
        let reference = &schema["properties"]["reference"]["additionalProperties"];
        assert_eq!(reference["required"], json!(["since", "near_miss_bp", "typical_ms"]));
        let collector = &schema["properties"]["envoy"]["properties"]["collector"]["anyOf"];
        assert_eq!(collector[0]["type"], "string");
        assert_eq!(collector[1]["required"], json!(["cluster"]));
    }
}
