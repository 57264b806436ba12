//! The image that `make oci` builds, read as Istio and Envoy Gateway do.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// An OCI image layout, removed on drop.
struct Layout(PathBuf);

#[test]
fn the_image_contains_the_shipped_module_and_its_digests_are_correct() {
    let layout = Layout::build("whole");
    let index = layout.json("index.json");
    assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "1.2.3");
    assert_eq!(layout.json("oci-layout")["imageLayoutVersion"], "1.0.0");

    let manifest: Value = parsed(&layout.blob(&index["manifests"][0], "image.manifest.v1+json"));
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!((manifest["schemaVersion"].as_u64(), layers.len()), (Some(2), 1));
    let config: Value = parsed(&layout.blob(&manifest["config"], "image.config.v1+json"));
    let mut archive = Vec::new();
    let packed = layout.blob(&layers[0], "image.layer.v1.tar+gzip");
    GzDecoder::new(packed.as_slice()).read_to_end(&mut archive).expect("gzip");
    assert_eq!(config["rootfs"]["diff_ids"][0], digest(&archive));
    let shipped = fs::read(artifact::envoy_module()).expect("the module");
    assert!(only_file(&archive, "plugin.wasm") == shipped, "not the shipped module");
}

#[test]
fn two_builds_are_byte_identical() {
    let (one, two) = (Layout::build("one"), Layout::build("two"));
    assert_eq!(one.files().len(), 5, "an index, the layout version, and three blobs");
    assert!(one.files() == two.files());
}

#[test]
fn the_examples_pull_the_tag_that_make_oci_sets() {
    let makefile = fs::read_to_string(artifact::root().join("Makefile")).expect("the Makefile");
    assert!(makefile.contains("filters/envoy/oci.py $< dist/oci $(VERSION)"));
    let manifest = fs::read_to_string(artifact::root().join("Cargo.toml")).expect("the manifest");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = ")).expect("a version");
    for example in ["examples/istio/wasmplugin.yaml", "examples/envoy-gateway/policy.yaml"] {
        let text = fs::read_to_string(artifact::root().join(example)).expect(example);
        assert!(
            text.contains(&format!("/nearmiss-envoy:{}", version.trim_matches('"'))),
            "{example}: {version}"
        );
    }
}

impl Layout {
    /// Builds an image.
    fn build(name: &str) -> Self {
        let folder = artifact::root().join("target/e2e").join(format!("oci-{}-{name}", std::process::id()));
        let output = Command::new(artifact::root().join("filters/envoy/oci.py"))
            .args([artifact::envoy_module().as_path(), folder.as_path(), Path::new("1.2.3")])
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("oci.py does not run: {error}; python3 is needed"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(folder)
    }

    fn json(&self, name: &str) -> Value {
        parsed(&fs::read(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
    }

    /// Reads the blob of a descriptor and checks its media type, digest and size.
    fn blob(&self, descriptor: &Value, kind: &str) -> Vec<u8> {
        let text = |key: &str| descriptor[key].as_str().unwrap_or_else(|| panic!("no {key}: {descriptor}"));
        assert_eq!(text("mediaType"), format!("application/vnd.oci.{kind}"));
        let name = text("digest").strip_prefix("sha256:").expect("a SHA-256");
        let blob = fs::read(self.0.join("blobs/sha256").join(name)).expect(kind);
        assert_eq!(
            (digest(&blob).as_str(), Some(blob.len() as u64)),
            (text("digest"), descriptor["size"].as_u64())
        );
        blob
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.0.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&self.0).expect("a file in the layout").to_path_buf();
                    files.insert(name, fs::read(path).expect("a file"));
                }
            }
        }
        files
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Returns the only file of a tar archive: a header of 512 bytes with name and octal size, then the content.
fn only_file<'a>(archive: &'a [u8], name: &str) -> &'a [u8] {
    let text = |field: &'a [u8]| std::str::from_utf8(field).expect("text").trim_end_matches(['\0', ' ']);
    assert_eq!(text(&archive[..100]), name);
    let size = usize::from_str_radix(text(&archive[124..136]), 8).expect("a size");
    let (content, after) = archive[512..].split_at(size);
    assert!(after.iter().all(|byte| *byte == 0), "something follows {name}");
    content
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}
