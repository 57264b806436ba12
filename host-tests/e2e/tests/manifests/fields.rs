//! Checks the fields of custom resources against a table of the published schemas.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use real::repository_file;
use serde_json::Value;

/// The fields of each custom resource: path, type (`!` if required) and allowed values.
const TABLE: &str = include_str!("fields.txt");

/// Name of the schema for documents without a kind.
const WITHOUT_KIND: &str = "values of the istiod chart";

/// A field of a custom resource.
struct SchemaField<'a> {
    type_name: &'a str,
    required: bool,
    /// The allowed values; empty if any value is allowed.
    values: Vec<&'a str>,
}

/// The fields of one custom resource by path.
type Schema<'a> = BTreeMap<&'a str, SchemaField<'a>>;

#[test]
fn every_field_of_every_example_is_in_the_published_schemas() {
    let (schemas, examples) = (schemas(), examples());
    assert_eq!(examples.len(), 10, "{:?}", examples.keys());
    for (path, document) in &examples {
        let violations = violations(&schemas, document);
        assert!(violations.is_empty(), "{path}: {}", violations.join("; "));
    }
}

#[test]
fn a_misspelt_missing_or_mistyped_field_is_found() {
    let schemas = schemas();
    for (from, to, violation) in [
        ("pluginName", "pluginname", "spec.pluginname is not a known field"),
        ("  url: oci://", "  sha256: oci://", "spec.url is missing"),
        ("mode: CLIENT", "mode: OUTBOUND", "spec.match[].mode is \"OUTBOUND\""),
        ("type: HTTP", "type: 1", "spec.type is not of type string"),
        (
            "kind: WasmPlugin",
            "kind: WasmPlugIn",
            "extensions.istio.io/v1alpha1 WasmPlugIn is not a known resource",
        ),
    ] {
        let text = repository_file("examples/istio/wasmplugin.yaml");
        assert!(text.contains(from));
        let document = serde_yaml_ng::from_str(&text.replace(from, to)).expect("YAML");
        assert_eq!(violations(&schemas, &document), [violation]);
    }
}

/// Parses all YAML files of both folders and the native module's, one document per file.
fn examples() -> BTreeMap<String, Value> {
    let mut examples = BTreeMap::new();
    let mut add = |path: String| {
        let document = serde_yaml_ng::from_str(&repository_file(&path));
        examples.insert(path, document.expect("one YAML document"));
    };
    for folder in ["examples/istio", "examples/envoy-gateway"] {
        for entry in fs::read_dir(artifact::root().join(folder)).expect(folder).flatten() {
            let path = format!("{folder}/{}", entry.file_name().display());
            if path.ends_with(".yaml") {
                add(path);
            }
        }
    }
    for name in ["istio", "envoy-gateway-policy", "envoy-gateway-proxy"] {
        add(format!("examples/envoy-native/{name}.yaml"));
    }
    examples
}

fn schemas() -> HashMap<&'static str, Schema<'static>> {
    let mut schemas: HashMap<_, Schema<'_>> = HashMap::new();
    let mut resource = "";
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some(row) = line.strip_prefix("  ") else {
            resource = line;
            continue;
        };
        let mut words = row.split(' ');
        let (path, type_name) = (words.next().expect("a path"), words.next().expect("a type"));
        let values = words.next().map_or_else(Vec::new, |values| values.split('|').collect());
        let field = SchemaField {
            type_name: type_name.trim_end_matches('!'),
            required: type_name.ends_with('!'),
            values,
        };
        schemas.entry(resource).or_default().insert(path, field);
    }
    schemas
}

fn violations(schemas: &HashMap<&str, Schema<'_>>, document: &Value) -> Vec<String> {
    let mut document = document.as_object().expect("an object").clone();
    let mut head = |key: &str| document.remove(key).and_then(|value| Some(value.as_str()?.to_owned()));
    let resource = match (head("apiVersion"), head("kind")) {
        (Some(version), Some(kind)) => format!("{version} {kind}"),
        _ => WITHOUT_KIND.to_owned(),
    };
    document.remove("metadata");
    let Some(schema) = schemas.get(resource.as_str()) else {
        return vec![format!("{resource} is not a known resource")];
    };
    let mut violations = Vec::new();
    check_children(schema, "", &document.into(), &mut violations);
    violations
}

/// Checks the values below `path`.
fn check_children(schema: &Schema<'_>, path: &str, value: &Value, violations: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let child_path =
                |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            for (name, value) in fields {
                check_value(schema, &child_path(name), value, violations);
            }
            let is_child = |known: &&str| known.rsplit_once('.').map_or("", |(parent, _)| parent) == path;
            let missing = schema.iter().filter(|(known, field)| field.required && is_child(known));
            let missing =
                missing.filter(|(known, _)| !fields.contains_key(known.rsplit('.').next().unwrap_or(known)));
            violations.extend(missing.map(|(known, _)| format!("{known} is missing")));
        }
        Value::Array(values) => {
            values.iter().for_each(|value| check_value(schema, &format!("{path}[]"), value, violations));
        }
        _ => {}
    }
}

fn check_value(schema: &Schema<'_>, path: &str, value: &Value, violations: &mut Vec<String>) {
    let Some(field) = schema.get(path) else {
        return violations.push(format!("{path} is not a known field"));
    };
    let fits = match field.type_name {
        "any" => return,
        "map" | "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("the table has a type `{other}` at {path}"),
    };
    if !fits {
        violations.push(format!("{path} is not of type {}", field.type_name));
    } else if !field.values.is_empty() && !field.values.contains(&value.as_str().unwrap_or_default()) {
        violations.push(format!("{path} is {value}"));
    } else if field.type_name != "map" {
        check_children(schema, path, value, violations);
    }
}
