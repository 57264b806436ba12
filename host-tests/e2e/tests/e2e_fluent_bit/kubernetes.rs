//! The examples for Kubernetes, and common pipelines with the filter `kubernetes`: log files of containerd, and an API server
//! that knows the pods.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use real::{Client, FluentBit, Request, TempDir, eventually, repository_file};
use serde_json::{Value, json};
use serde_yaml_ng as yaml;

use crate::api_server;
use crate::harness::{errors, free_port, module, records};
use crate::pipeline::{FixtureLine, fate, fixture};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A stock parser that pods ask for with an annotation.
const STOCK_PARSER: &str = r#"  - name: k8s-nginx-ingress
    format: regex
    regex: '^(?<host>[^ ]*) - (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^\"]*?)(?: +\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*) "(?<referer>[^\"]*)" "(?<agent>[^\"]*)" (?<request_length>[^ ]*) (?<request_time>[^ ]*) \[(?<proxy_upstream_name>[^ ]*)\] (\[(?<proxy_alternative_upstream_name>[^ ]*)\] )?(?<upstream_addr>[^ ]*) (?<upstream_response_length>[^ ]*) (?<upstream_response_time>[^ ]*) (?<upstream_status>[^ ]*) (?<reg_id>[^ ]*).*$'
    time_key: time
    time_format: "%d/%b/%Y:%H:%M:%S %z"
"#;

/// The files of a node.
struct Node {
    folder: TempDir,
    containers: PathBuf,
}

impl Node {
    fn new(name: &str) -> Self {
        let folder = TempDir::new(name);
        let containers = folder.path().join("containers");
        fs::create_dir(&containers).expect("a temporary directory can be written");
        folder.write("token", "secret");
        Self { folder, containers }
    }

    /// Writes the log of a container, as containerd does: long lines in parts.
    fn log(
        &self,
        pod: &str,
        namespace: &str,
        container: &str,
        lines: impl IntoIterator<Item = impl AsRef<str>>,
    ) {
        let mut log = String::new();
        for line in lines {
            let line = line.as_ref();
            let (head, rest) = line.split_at_checked(200).unwrap_or((line, ""));
            let tag = if rest.is_empty() { "F" } else { "P" };
            log.push_str(&format!("2026-11-23T12:55:40.123456789Z stdout {tag} {head}\n"));
            if !rest.is_empty() {
                log.push_str(&format!("2026-11-23T12:55:40.123456789Z stdout F {rest}\n"));
            }
        }
        let name = format!("{pod}_{namespace}_{container}-{ID}.log");
        fs::write(self.containers.join(name), log).expect("a temporary directory can be written");
    }

    /// Puts the paths of this node, of the module and of the API server into a configuration.
    fn localized(&self, configuration: &str, api: u16, metrics: u16) -> String {
        let containers = self.containers.display().to_string();
        let tag = containers.trim_start_matches('/').replace('/', ".");
        let api = format!("http://127.0.0.1:{api}");
        let folder = self.folder.path().display();
        configuration
            .replace("/var/log/containers", &containers)
            .replace("var.log.containers", &tag)
            .replace("/nearmiss/nearmiss-fluent-bit.aot", &module().display().to_string())
            .replace("/etc/nearmiss", &format!("{folder}/nearmiss"))
            .replace("/fluent-bit/etc/conf\n", &format!("{folder}/nearmiss\n"))
            .replace("db: /var/lib", &format!("db: {folder}/var"))
            .replace("http_server: on", "http_server: off")
            .replace(
                "name: kubernetes\n",
                &format!("name: kubernetes\n      kube_url: {api}\n      kube_token_file: {folder}/token\n"),
            )
            .replace("match: kube.*\n", &format!("match: kube.*\n      kube_tag_prefix: kube.{tag}.\n"))
            .replace("port: 2021", &format!("host: 127.0.0.1\n      port: {metrics}"))
            .replace("Kube_Tag_Prefix", &format!("Kube_URL {api}\n    Kube_Token_File {folder}/token\n    Kube_Tag_Prefix"))
            .replace(
                "Match                kube.*\n",
                &format!("Match kube.*\n    Kube_URL {api}\n    Kube_Token_File {folder}/token\n    Kube_Tag_Prefix kube.{tag}.\n"),
            )
            .replace("Port   2021", &format!("Host 127.0.0.1\n    Port {metrics}"))
            // The files are there before Fluent Bit starts.
            .replace("skip_long_lines: on", "skip_long_lines: on\n      read_from_head: true")
            .replace("Skip_Long_Lines   On", "Skip_Long_Lines On\n    Read_From_Head On")
    }

    /// Writes nearmiss.json as a mounted ConfigMap has it: behind two symbolic links.
    fn mount(&self, configuration: &str) {
        let folder = self.folder.path().join("nearmiss");
        fs::create_dir_all(folder.join("..2026_11_23")).expect("a temporary directory can be written");
        fs::write(folder.join("..2026_11_23/nearmiss.json"), configuration).expect("the same");
        symlink("..2026_11_23", folder.join("..data")).expect("the same");
        symlink("..data/nearmiss.json", folder.join("nearmiss.json")).expect("the same");
    }

    /// Runs a configuration until `count` records are printed, and returns the output.
    fn run(&self, configuration: &Path, count: usize) -> FluentBit {
        let mut fluent_bit = FluentBit::start(self.folder.path(), configuration);
        fluent_bit.wait_until(&format!("{count} records"), |printed| records(printed).len() >= count);
        fluent_bit
    }
}

/// Returns the documents of a file by kind and name.
fn documents(path: &str) -> BTreeMap<(String, String), Value> {
    let text = repository_file(path);
    let documents = yaml::Deserializer::from_str(&text).map(|document| {
        let document: Value = serde::Deserialize::deserialize(document).expect("YAML");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        ((text(&document["kind"]), text(&document["metadata"]["name"])), document)
    });
    documents.collect()
}

fn count(lines: &[FixtureLine], fate: &str) -> usize {
    lines.iter().filter(|line| line.fate == fate).count()
}

/// Runs the pipeline of an example on a node with ingress-nginx, Envoy, istio-proxy and an application.
fn assert_example_works(name: &str, configuration: &str, nearmiss: &str) {
    let node = Node::new(name);
    let (ingress, envoy) =
        (fixture("nginx-1.22.1-ingress-nginx.tsv"), fixture("envoy-1.40.0-envoy-json.tsv"));
    let istio = fixture("envoy-1.40.0-istio.tsv");
    let all = || [&ingress, &envoy, &istio].into_iter().flatten();
    let texts = |lines: &'static str| lines.lines();
    node.log("ingress-nginx-controller-7d9", "ingress", "controller", ingress.iter().map(|line| &line.text));
    node.log("envoy-5f4", "edge", "envoy", envoy.iter().map(|line| &line.text));
    node.log("cart-6b8", "shop", "istio-proxy", istio.iter().map(|line| &line.text));
    node.log(
        "cart-6b8",
        "shop",
        "app",
        texts("{\"upstream\":\"db\",\"status\":503,\"duration_ms\":12,\"ts\":1795438540}\nready"),
    );
    let (api, metrics) =
        (api_server::start(json!({"fluentbit.io/parser": "k8s-nginx-ingress"})), free_port());
    node.mount(nearmiss);
    fs::create_dir_all(node.folder.path().join("var/fluent-bit"))
        .expect("a temporary directory can be written");
    let configuration = node.folder.write(name, node.localized(configuration, api, metrics));
    let lines = all().count();
    let mut fluent_bit = node.run(&configuration, lines + 2);
    for fate in ["clean", "retried", "failed", "fallback"] {
        let expected = all().filter(|line| line.fate == fate).count();
        eventually(&format!("{expected} {fate} in the metrics"), || {
            let body = Client::new(metrics).try_send(&Request::get("/metrics")).ok()?.body;
            let body = String::from_utf8(body).expect("text");
            let label = format!("fate=\"{fate}\"");
            let series = body.lines().filter(|line| line.contains(&label));
            let counts = series.filter_map(|line| line.split(' ').nth(1)?.parse::<f64>().ok());
            (counts.sum::<f64>() == expected as f64).then_some(())
        });
    }
    fluent_bit.wait_until("every record", |printed| records(printed).len() >= lines + 2);
    let printed = fluent_bit.stop();
    let records = records(&printed);
    let of = |pod: &str| -> Vec<&Value> {
        records.iter().filter(|record| record["kubernetes"]["pod_name"] == pod).collect()
    };
    for (pod, expected) in [("ingress-nginx-controller-7d9", &ingress), ("envoy-5f4", &envoy)] {
        let found: Vec<String> = of(pod).iter().map(|record| fate(record)).collect();
        let expected: Vec<&str> = expected.iter().map(|line| line.fate.as_str()).collect();
        assert_eq!(found, expected, "{pod}: {printed:#?}");
        assert!(of(pod).iter().all(|record| record["kubernetes"]["labels"]["app"] == "gateway"));
        assert!(
            of(pod).iter().all(|record| record["near_miss_fate"] == fate(record)),
            "`flat` is read from the ConfigMap"
        );
    }
    let unjudged = of("cart-6b8").iter().filter(|record| record["near_miss"].is_null()).count();
    assert_eq!(unjudged, 2, "the application's records, and they are no exchanges: {printed:#?}");
    assert_eq!(errors(&printed), Vec::<&String>::new());
}

#[test]
fn the_daemon_set_judges_gateways_and_nothing_else() {
    let documents = documents("examples/fluent-bit/kubernetes/daemonset.yaml");
    let data = |name: &str, key: &str| {
        let document = &documents[&("ConfigMap".to_owned(), name.to_owned())];
        document["data"][key].as_str().expect("a text").to_owned()
    };
    assert_example_works(
        "daemonset.yaml",
        &data("fluent-bit", "fluent-bit.yaml"),
        &data("nearmiss", "nearmiss.json"),
    );
}

#[test]
fn the_values_of_the_chart_judge_gateways_and_nothing_else() {
    let text = repository_file("examples/fluent-bit/kubernetes/values.yaml");
    let values: Value = yaml::from_str(&text).expect("YAML");
    let part = |name: &str| values["config"][name].as_str().expect("a text").to_owned();
    let configuration = format!(
        "[SERVICE]\n    Flush 0.2\n    Log_Level info\n\n{}\n{}\n{}",
        part("inputs"),
        part("filters"),
        part("outputs")
    );
    let nearmiss = values["config"]["extraFiles"]["nearmiss.json"].as_str().expect("a text");
    assert_example_works("values.conf", &configuration, nearmiss);
}

/// Returns the fates of ingress-nginx's lines in a usual pipeline with these filters, and the output.
fn fates_of_ingress(name: &str, filters: &str) -> (Vec<String>, Vec<String>) {
    let node = Node::new(name);
    let ingress = fixture("nginx-1.22.1-ingress-nginx.tsv");
    node.log("ingress-7d9", "ingress", "controller", ingress.iter().map(|line| &line.text));
    let api = api_server::start(json!({"fluentbit.io/parser": "k8s-nginx-ingress"}));
    let tag = node.containers.display().to_string().trim_start_matches('/').replace('/', ".");
    let filters = filters.replace(
        "KUBERNETES",
        &format!("{{name: kubernetes, match: '*', kube_url: 'http://127.0.0.1:{api}', kube_token_file: {}/token, kube_tag_prefix: kube.{tag}., merge_log: on, k8s-logging.parser: on", node.folder.path().display()),
    );
    let filters = filters.replace("MODULE", &module().display().to_string());
    let configuration = node.folder.write(
        "pipeline.yaml",
        format!(
            "service: {{flush: 0.2, grace: 1, log_level: info}}\nparsers:\n{STOCK_PARSER}pipeline:\n  inputs:\n    - {{name: tail, tag: kube.*, path: '{}/*.log', read_from_head: true, multiline.parser: cri}}\n  filters:\n{filters}  outputs:\n    - {{name: stdout, match: '*', format: json_lines}}\n",
            node.containers.display(),
        ),
    );
    let printed = node.run(&configuration, ingress.len()).stop();
    (records(&printed).iter().map(fate).collect(), printed)
}

const NEARMISS: &str =
    "    - {name: wasm, match: '*', wasm_path: MODULE, function_name: near_miss, wasm_stack_size: 1M}\n";

#[test]
fn before_the_filter_kubernetes_every_line_gets_its_verdict() {
    let expected: Vec<String> =
        fixture("nginx-1.22.1-ingress-nginx.tsv").into_iter().map(|line| line.fate).collect();
    for after in ["    - KUBERNETES, keep_log: off}\n", "    - KUBERNETES, keep_log: on}\n"] {
        let (fates, printed) = fates_of_ingress("before", &format!("{NEARMISS}{after}"));
        assert_eq!(fates, expected, "{printed:#?}");
    }
    let (fates, printed) = fates_of_ingress("kept", &format!("    - KUBERNETES, keep_log: on}}\n{NEARMISS}"));
    assert_eq!(fates, expected, "{printed:#?}");
}

#[test]
fn behind_the_stock_parser_unread_records_say_so_with_the_cure() {
    let ingress = fixture("nginx-1.22.1-ingress-nginx.tsv");
    let (fates, printed) =
        fates_of_ingress("behind", &format!("    - KUBERNETES, keep_log: off}}\n{NEARMISS}"));
    let noted = records(&printed)
        .iter()
        .filter(|record| fate(record) == "unread")
        .filter(|record| {
            record["near_miss_note"].as_str().is_some_and(|note| note.contains("put nearmiss before"))
        })
        .count();
    assert!(noted >= count(&ingress, "retried"), "{fates:?}: {printed:#?}");
    let said =
        printed.iter().filter(|line| line.starts_with("nearmiss: ") && line.contains("put nearmiss before"));
    assert_eq!(said.count(), 1, "{printed:#?}");
}

#[test]
fn the_pods_of_the_daemon_set_mount_what_the_pipeline_reads() {
    let documents = documents("examples/fluent-bit/kubernetes/daemonset.yaml");
    let pod = &documents[&("DaemonSet".to_owned(), "fluent-bit".to_owned())]["spec"]["template"]["spec"];
    let names = |list: &Value| -> Vec<String> {
        let items = list.as_array().expect("a list").iter();
        items.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    };
    let volumes = names(&pod["volumes"]);
    for container in [&pod["containers"][0], &pod["initContainers"][0]] {
        assert!(names(&container["volumeMounts"]).iter().all(|name| volumes.contains(name)));
    }
    let mounted: Vec<&str> = pod["containers"][0]["volumeMounts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|mount| mount["mountPath"].as_str())
        .collect();
    let pipeline =
        documents[&("ConfigMap".to_owned(), "fluent-bit".to_owned())]["data"]["fluent-bit.yaml"].to_string();
    for path in ["/nearmiss", "/etc/nearmiss", "/var/log", "/var/lib/fluent-bit"] {
        assert!(mounted.contains(&path) && pipeline.contains(path), "{path}");
    }
    assert!(artifact::root().join("examples/fluent-bit/kubernetes/Dockerfile").is_file());
}
