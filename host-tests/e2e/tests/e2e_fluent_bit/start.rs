//! How Fluent Bit is started: by systemd, in the root folder, with a classic configuration.

use std::path::Path;

use real::{FluentBit, TempDir, repository_file};

use crate::harness::{errors, free_port, module, records, with_module};
use crate::pipeline::{fate, fixture};

#[test]
fn the_classic_example_does_what_filters_yaml_does() {
    let port = free_port();
    let folder = artifact::root().join("examples/fluent-bit");
    let document = with_module(&repository_file("examples/fluent-bit/classic.conf"));
    let temp = TempDir::new("classic");
    let path = temp.write("classic.conf", document.replace("Port   2021", &format!("Port   {port}")));
    let mut fluent_bit = FluentBit::start(&folder, &path);
    fluent_bit.wait_until("six near misses", |printed| records(printed).len() == 6);
    let printed = fluent_bit.stop();
    let fates: Vec<String> = records(&printed).iter().map(fate).collect();
    assert_eq!(fates, ["retried", "retried", "retried", "stale", "retried", "failed"]);
    assert_eq!(errors(&printed), Vec::<&String>::new());
}

/// Runs the configuration for systemd in the root folder, over a log of nginx; the journal has no place in a test.
fn started_in_root(name: &str, accessible: &dyn Fn(&Path) -> String) -> Vec<String> {
    let temp = TempDir::new(name);
    let lines = fixture("nginx-1.22.1-nginx.tsv");
    let log: String = lines.iter().map(|line| line.text.clone() + "\n").collect();
    let log = temp.write("access.log", log);
    temp.write("nearmiss.json", r#"{"fluent_bit":{"source":"mine","flat":true}}"#);
    let document = repository_file("examples/fluent-bit/systemd/fluent-bit.conf");
    let (before, rest) = document.split_once("[INPUT]\n    Name            systemd").expect("the journal");
    let (_, after) = rest.split_once("\n\n").expect("the end of the section");
    let document = format!("{before}{after}")
        .replace("/var/log/nginx/access.log", &format!("{}\n    Read_From_Head  On", log.display()))
        .replace("/var/lib/fluent-bit/nginx.db", &temp.path().join("nginx.db").display().to_string())
        .replace("/etc/nearmiss/nearmiss-fluent-bit.wasm", &module().display().to_string())
        .replace(
            "Accessible_Paths  /etc/nearmiss",
            &format!("Accessible_Paths  {}", accessible(temp.path())),
        );
    let path = temp.write("fluent-bit.conf", document);
    let mut fluent_bit = FluentBit::start(Path::new("/"), &path);
    fluent_bit.wait_until("every record", |printed| records(printed).len() == lines.len());
    let printed = fluent_bit.stop();
    let found: Vec<String> = records(&printed).iter().map(fate).collect();
    let expected: Vec<&str> = lines.iter().map(|line| line.fate.as_str()).collect();
    assert_eq!(found, expected, "{printed:#?}");
    printed
}

#[test]
fn under_systemd_absolute_paths_find_the_configuration() {
    let printed = started_in_root("systemd", &|folder| folder.display().to_string());
    assert!(records(&printed).iter().all(|record| record["near_miss_fate"].is_string()), "{printed:#?}");
    assert_eq!(errors(&printed), Vec::<&String>::new());
}

#[test]
fn under_systemd_a_relative_folder_is_named_in_the_first_record_and_on_standard_error() {
    let printed = started_in_root("relative", &|_| ".".to_owned());
    let note = records(&printed)[0]["near_miss_note"].as_str().unwrap_or_default().to_owned();
    assert!(note.contains("there is no nearmiss.json in"), "{printed:#?}");
    let said = printed.iter().filter(|line| line.starts_with("nearmiss: there is no nearmiss.json in"));
    assert_eq!(said.count(), 1, "{printed:#?}");
}
