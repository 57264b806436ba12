//! Fields of custom resources, and the table they must be in.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use host_tests::artifact;
use host_tests::real::shipped;
use serde_json::Value;

const TABLE: &str = include_str!("fields.txt");

/// Resources without a kind of their own.
const WITHOUT_KIND: &str = "values of the istiod chart";

struct Field<'a> {
    kind: &'a str,
    must_be_there: bool,
    values: Vec<&'a str>,
}

type Schema<'a> = BTreeMap<&'a str, Field<'a>>;

#[test]
fn every_field_of_every_example_is_one_of_the_published_schemas() {
    let (schemas, examples) = (schemas(), examples());
    assert_eq!(examples.len(), 7, "{:?}", examples.keys());
    for (path, document) in &examples {
        let faults = faults(&schemas, document);
        assert!(faults.is_empty(), "{path}: {}", faults.join("; "));
    }
}

#[test]
fn a_field_that_is_misspelt_missing_or_of_another_type_is_found() {
    let schemas = schemas();
    for (from, to, fault) in [
        ("pluginName", "pluginname", "spec.pluginname is no field"),
        ("  url: oci://", "  sha256: oci://", "spec.url is missing"),
        ("mode: CLIENT", "mode: OUTBOUND", "spec.match[].mode is \"OUTBOUND\""),
        ("type: HTTP", "type: 1", "spec.type is no string"),
        ("kind: WasmPlugin", "kind: WasmPlugIn", "extensions.istio.io/v1alpha1 WasmPlugIn is no resource"),
    ] {
        let text = shipped("examples/istio/wasmplugin.yaml");
        assert!(text.contains(from));
        let document = serde_yaml_ng::from_str(&text.replace(from, to)).expect("YAML");
        assert_eq!(faults(&schemas, &document), [fault]);
    }
}

/// All YAML of both folders; one document a file.
fn examples() -> BTreeMap<String, Value> {
    let mut examples = BTreeMap::new();
    for folder in ["examples/istio", "examples/envoy-gateway"] {
        for entry in fs::read_dir(artifact::root().join(folder)).expect(folder).flatten() {
            let path = format!("{folder}/{}", entry.file_name().display());
            if path.ends_with(".yaml") {
                let document = serde_yaml_ng::from_str(&shipped(&path));
                examples.insert(path, document.expect("one YAML document"));
            }
        }
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
        let (path, kind) = (words.next().expect("a path"), words.next().expect("a type"));
        let values = words.next().map_or_else(Vec::new, |values| values.split('|').collect());
        let field = Field { kind: kind.trim_end_matches('!'), must_be_there: kind.ends_with('!'), values };
        schemas.entry(resource).or_default().insert(path, field);
    }
    schemas
}

fn faults(schemas: &HashMap<&str, Schema<'_>>, document: &Value) -> Vec<String> {
    let mut document = document.as_object().expect("an object").clone();
    let mut head = |key: &str| document.remove(key).and_then(|value| Some(value.as_str()?.to_owned()));
    let resource = match (head("apiVersion"), head("kind")) {
        (Some(version), Some(kind)) => format!("{version} {kind}"),
        _ => WITHOUT_KIND.to_owned(),
    };
    document.remove("metadata");
    let Some(schema) = schemas.get(resource.as_str()) else {
        return vec![format!("{resource} is no resource")];
    };
    let mut faults = Vec::new();
    look_into(schema, "", &document.into(), &mut faults);
    faults
}

/// What is wrong below `path`.
fn look_into(schema: &Schema<'_>, path: &str, value: &Value, faults: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            for (name, value) in fields {
                look_at(schema, &below(name), value, faults);
            }
            let is_below = |known: &&str| known.rsplit_once('.').map_or("", |(parent, _)| parent) == path;
            let missing = schema.iter().filter(|(known, field)| field.must_be_there && is_below(known));
            let missing =
                missing.filter(|(known, _)| !fields.contains_key(known.rsplit('.').next().unwrap_or(known)));
            faults.extend(missing.map(|(known, _)| format!("{known} is missing")));
        }
        Value::Array(values) => {
            values.iter().for_each(|value| look_at(schema, &format!("{path}[]"), value, faults));
        }
        _ => {}
    }
}

fn look_at(schema: &Schema<'_>, path: &str, value: &Value, faults: &mut Vec<String>) {
    let Some(field) = schema.get(path) else { return faults.push(format!("{path} is no field")) };
    let fits = match field.kind {
        "any" => return,
        "map" | "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("the table has a type `{other}` at {path}"),
    };
    if !fits {
        faults.push(format!("{path} is no {}", field.kind));
    } else if !field.values.is_empty() && !field.values.contains(&value.as_str().unwrap_or_default()) {
        faults.push(format!("{path} is {value}"));
    } else if field.kind != "map" {
        look_into(schema, path, value, faults);
    }
}
