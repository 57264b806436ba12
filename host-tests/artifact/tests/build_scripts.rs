//! The scripts behind `make wasm` and `make test`, run with programs that fail.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Programs that the scripts need besides npm and binaryen.
const TOOLS: &[&str] =
    &["awk", "basename", "bash", "cp", "dirname", "env", "mkdir", "mv", "rm", "touch", "tr"];

/// A workspace with the scripts, without node_modules, and a PATH without npm.
struct Workspace(PathBuf);

impl Workspace {
    fn new(name: &str) -> Self {
        let folder = artifact::root().join(format!("target/build-scripts/{}-{name}", std::process::id()));
        let workspace = Self(folder);
        for file in [
            "LICENSE",
            "filters/binaryen.sh",
            "filters/edge/assemble.sh",
            "filters/edge/package/package.json",
            "filters/modules.tsv",
            "filters/optimise.sh",
            "package-lock.json",
        ] {
            let text =
                fs::read(artifact::root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            workspace.write(file, &text);
        }
        workspace.write("nearmiss_envoy.wasm", b"as built");
        workspace
            .program("bindgen", "printf 'as built' > $2/nearmiss_edge_bg.wasm; touch $2/nearmiss_edge.js");
        // Bundles the package.
        workspace.program("bin/node", "exit 0");
        for tool in TOOLS {
            let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
            let found =
                found.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{tool} is missing"));
            symlink(found, workspace.0.join("bin").join(tool)).expect("a link");
        }
        workspace
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
    }

    fn program(&self, path: &str, body: &str) {
        self.write(path, format!("#!/usr/bin/env bash\n{body}\n").as_bytes());
    }

    /// Builds the Envoy module, or the edge package.
    fn build(&self, script: &str, unoptimised: bool) -> Output {
        let mut command = Command::new(self.0.join("filters").join(script));
        command.current_dir(&self.0).env_clear().env("PATH", self.0.join("bin"));
        if unoptimised {
            command.env("UNOPTIMISED", "1");
        }
        if script == EDGE {
            command.arg("./bindgen");
        }
        command.args(["nearmiss_envoy.wasm", out(script)]).output().expect("the script runs")
    }

    fn require_failure(&self, script: &str, reason: &str) {
        let output = self.build(script, false);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{script} succeeded: {stderr}");
        assert!(stderr.contains(reason), "{script}: {stderr}");
        assert!(stderr.contains("UNOPTIMISED=1"), "{script}: {stderr}");
        assert!(!self.0.join(out(script)).exists(), "{script} wrote {}", out(script));
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const ENVOY: &str = "optimise.sh";
const EDGE: &str = "edge/assemble.sh";

/// Returns the path that a script writes.
fn out(script: &str) -> &'static str {
    if script == EDGE { "dist/edge" } else { "dist/nearmiss-envoy.wasm" }
}

#[test]
fn no_module_is_built_without_npm() {
    let workspace = Workspace::new("no-npm");
    for script in [ENVOY, EDGE] {
        workspace.require_failure(script, "npm is missing");
    }
}

#[test]
fn no_module_is_built_if_npm_fails_and_its_output_is_shown() {
    let workspace = Workspace::new("npm-fails");
    workspace.program("bin/npm", "echo 'npm error: no network'; exit 1");
    for script in [ENVOY, EDGE] {
        workspace.require_failure(script, "npm error: no network");
    }
}

#[test]
fn no_module_is_built_if_binaryen_fails() {
    let workspace = Workspace::new("binaryen-fails");
    let install = ["wasm-opt", "wasm-metadce"].map(|tool| {
        let path = format!("node_modules/.bin/{tool}");
        format!("mkdir -p node_modules/.bin; printf '#!/usr/bin/env bash\\necho node is missing >&2; exit 1' > {path}; /bin/chmod +x {path}")
    });
    workspace.program("bin/npm", &install.join("\n"));
    for script in [ENVOY, EDGE] {
        workspace.require_failure(script, "node is missing");
    }
}

#[test]
fn a_module_is_built_without_binaryen_on_request() {
    let workspace = Workspace::new("unoptimised");
    for (script, module) in [(ENVOY, "dist/nearmiss-envoy.wasm"), (EDGE, "dist/edge/nearmiss.wasm")] {
        let output = workspace.build(script, true);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {stderr}");
        assert!(stderr.contains("is not optimised"), "{script}: {stderr}");
        assert_eq!(fs::read(workspace.0.join(module)).expect("a module"), b"as built", "{script}");
    }
}

#[test]
fn failed_tests_and_commands_are_listed() {
    let log = "make[1]: *** [Makefile:204: check] Error 101\n\
        running 2 tests\ntest a::works ... ok\ntest a::fails ... FAILED\n\nfailures:\n    a::fails\n\n\
        test result: FAILED. 1 passed; 1 failed; 0 ignored\n\nerror: test failed, to rerun pass `-p core --lib`\n\
        test a name with spaces ... FAILED\nerror: test failed, to rerun pass `-p hosts --test edge`\n\
        error: test failed, to rerun pass `-p hosts --test ends`\n\nCaused by:\n  process didn't exit successfully\n\
        error: 3 targets failed:\n    `-p core --lib`\n\
        error: could not compile `core` (lib test) due to 2 previous errors\n\
        ERROR: test_it_runs (__main__.Playground.test_it_runs)\nmake[1]: *** [Makefile:290: test-playground] Error 1\n";
    let path = artifact::root().join(format!("target/failed-tests-{}.log", std::process::id()));
    fs::write(&path, log).expect("a file");
    let script = artifact::root().join("host-tests/failed-tests.awk");
    let output = Command::new("awk").arg("-f").arg(script).arg(&path).output().expect("awk runs");
    fs::remove_file(path).expect("a file");
    let expected = "\nmake: failed: 6\n  (no test), of `make check`\n  a::fails, of `cargo test -p core --lib`\n  \
        a name with spaces, of `cargo test -p hosts --test edge`\n  (no test), of `cargo test -p hosts --test ends`\n  \
        (not compiled) `core` (lib test)\n  test_it_runs, of `make test-playground`\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
