#!/usr/bin/env python3
"""Installs and runs each package of `make dist` in an empty place.

    release.py dist/release target/envoy-1.40.0/bin/envoy"""

import gzip
import hashlib
import http.server
import json
import os
import pathlib
import platform
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import libtest

ROOT = pathlib.Path(__file__).parent.parent.parent
RELEASE, ENVOY = (pathlib.Path(sys.argv.pop(1)).absolute() for _ in range(2))
VERSION = next(line.split('"')[1] for line in (ROOT / "Cargo.toml").read_text().splitlines() if line.startswith("version = "))
INSTALL = (ROOT / "README.md").read_text().split("## Install")[1].split("\n## ")[0]
SAMPLE = ROOT / "examples/logs/shop.log.gz"
LOG = gzip.decompress(SAMPLE.read_bytes())
ARCHITECTURES = ("x86_64", "aarch64")
EMPTY = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def run(*command, **options):
    """Runs a command without the environment, and returns its standard output."""
    options = {"env": EMPTY, **options}
    done = subprocess.run(command, capture_output=True, **options)
    if done.returncode:
        raise AssertionError(f"{command} exited with {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout


def emulated(architecture):
    """Returns the emulator's command for a binary of another architecture than the machine's."""
    return [] if architecture == platform.machine() else [f"/usr/bin/qemu-{architecture}-static"]


def in_chroot(folder, program, architecture, *arguments, input=b""):
    """Runs a program that sees only `folder`, which has no other program, library or file but the emulator."""
    emulator = emulated(architecture)
    for path in emulator:
        copy = folder / path.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot"]
    return run(*enter, folder, *emulator, program, *arguments, input=input, env={**EMPTY, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def free_ports(count):
    """Returns ports on which nothing listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


class Origin(http.server.BaseHTTPRequestHandler):
    """An origin that answers every request with 200."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Release(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def only(self, pattern):
        found = list(RELEASE.glob(pattern))
        self.assertEqual(len(found), 1, pattern)
        return found[0]

    def assert_works(self, folder, program, architecture):
        """The program prints its version, and four closed episodes for the sample log."""
        self.assertEqual(in_chroot(folder, program, architecture, "--version").decode(), f"nearmiss {VERSION}\n")
        records = in_chroot(folder, program, architecture, "replay", "-q", "--json", "-", input=LOG).decode()
        self.assertEqual(records.count('"phase":"close"'), 4)
        return records

    def test_the_checksums_are_those_of_all_files(self):
        listed = dict(reversed(line.split("  ")) for line in (RELEASE / "SHA256SUMS").read_text().splitlines())
        self.assertEqual(set(listed), {path.name for path in RELEASE.iterdir()} - {"SHA256SUMS"})
        for name, digest in listed.items():
            self.assertEqual(hashlib.sha256((RELEASE / name).read_bytes()).hexdigest(), digest, name)

    def test_the_archives_run_where_nothing_else_is_and_print_the_same_records_on_both_architectures(self):
        records = set()
        for architecture in ARCHITECTURES:
            name = f"nearmiss-{VERSION}-{architecture}-unknown-linux-musl"
            with tarfile.open(RELEASE / f"{name}.tar.gz") as archive:
                archive.extractall(self.folder, filter="data")
            records.add(self.assert_works(self.folder / name, "/nearmiss", architecture))
            for file in ("LICENSE", "README.md", "share/man/man1/nearmiss.1", "share/nearmiss/record.schema.json"):
                self.assertTrue((self.folder / name / file).is_file(), file)
        self.assertEqual(len(records), 1)

    def test_the_debian_packages_install_run_and_leave_nothing_behind(self):
        for architecture, name in zip(ARCHITECTURES, ("amd64", "arm64")):
            package, root = RELEASE / f"nearmiss_{VERSION}_{name}.deb", self.folder / name
            (root / "var/lib/dpkg/updates").mkdir(parents=True)
            (root / "var/lib/dpkg/info").mkdir()
            (root / "var/lib/dpkg/status").touch()
            dpkg = ["dpkg", f"--root={root}", f"--log={root}.log", "--force-not-root,script-chrootless,bad-path,architecture"]
            run(*dpkg, "--install", package)
            self.assertIn(f"Version: {VERSION}\n", run(*dpkg, "--status", "nearmiss").decode())
            self.assert_works(root, "/usr/bin/nearmiss", architecture)
            for file in ("man/man1/nearmiss-replay.1.gz", "zsh/vendor-completions/_nearmiss", "doc/nearmiss/copyright"):
                self.assertTrue((root / "usr/share" / file).is_file(), file)
            owners = {line.split()[1] for line in run("dpkg-deb", "--contents", package).decode().splitlines()}
            self.assertEqual(owners, {"root/root"})
            run(*dpkg, "--purge", "nearmiss")
            kept = [path for path in (root / "usr").rglob("*nearmiss*")] if (root / "usr").exists() else []
            self.assertEqual([path for path in kept if "qemu" not in path.name], [])

    def test_pip_installs_the_wheel_and_removes_it(self):
        wheel = self.only(f"nearmiss-*_{platform.machine()}.whl")
        run(sys.executable, "-m", "venv", self.folder / "venv")
        pip = [self.folder / "venv/bin/pip", "--disable-pip-version-check"]
        run(*pip, "install", "--no-index", wheel)
        self.assertIn(f"Version: {VERSION}", run(*pip, "show", "nearmiss").decode())
        run(*pip, "check")
        program = self.folder / "venv/bin/nearmiss"
        self.assertEqual(run(program, "--version").decode(), f"nearmiss {VERSION}\n")
        self.assertEqual(run(program, "replay", "-q", "--json", SAMPLE).decode().count('"phase":"close"'), 4)
        self.assertTrue((self.folder / "venv/share/man/man1/nearmiss.1").is_file())
        run(*pip, "uninstall", "-y", "nearmiss")
        self.assertEqual([path for path in (self.folder / "venv").rglob("*nearmiss*") if path.is_file()], [])

    def test_pip_chooses_the_wheel_by_its_tags_for_glibc_and_musl_on_both_architectures(self):
        for architecture in ARCHITECTURES:
            for system in ("manylinux2014", "manylinux_2_17", "musllinux_1_1"):
                target = self.folder / f"{system}-{architecture}"
                run(
                    sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--find-links", RELEASE,
                    "--only-binary", ":all:", "--platform", f"{system}_{architecture}", "--target", target, "nearmiss",
                )
                shutil.copy(target / "bin/nearmiss", target / "nearmiss")
                version = in_chroot(target, "/nearmiss", architecture, "--version").decode()
                self.assertEqual(version, f"nearmiss {VERSION}\n")

    def test_npm_installs_the_edge_package_which_judges_an_exchange(self):
        (self.folder / "package.json").write_text("{}")
        npm = ["npm", "install", "--offline", "--no-audit", "--no-fund", RELEASE / f"nearmiss-edge-{VERSION}.tgz"]
        run(*npm, cwd=self.folder, env={**os.environ, "npm_config_cache": str(self.folder / "cache")})
        program = """
            import { nearMiss } from "nearmiss";
            const monitor = nearMiss();
            monitor.observe({ upstream: "cart", status: 200, durationMs: 12, attempts: 2 });
            console.log(monitor.metrics());
        """
        (self.folder / "gateway.mjs").write_text(program)
        metrics = run("node", "gateway.mjs", cwd=self.folder, env=os.environ).decode()
        self.assertIn('nearmiss_exchanges_total{upstream="cart",fate="retried"} 1', metrics)

    def test_the_image_layout_contains_the_released_envoy_module(self):
        with tarfile.open(RELEASE / f"nearmiss-envoy-{VERSION}.oci.tar") as archive:
            archive.extractall(self.folder, filter="data")

        def blob(descriptor):
            content = (self.folder / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
            self.assertEqual(f"sha256:{hashlib.sha256(content).hexdigest()}", descriptor["digest"])
            return content

        index = json.loads((self.folder / "index.json").read_text())
        self.assertEqual(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], VERSION)
        manifest = json.loads(blob(index["manifests"][0]))
        (self.folder / "layer.tar.gz").write_bytes(blob(manifest["layers"][0]))
        with tarfile.open(self.folder / "layer.tar.gz") as layer:
            self.assertEqual(layer.extractfile("plugin.wasm").read(), (RELEASE / "nearmiss-envoy.wasm").read_bytes())

    def test_the_three_modules_are_wasm_and_the_one_for_fluent_bit_judges_as_the_command_line_does(self):
        for name in ("envoy", "fluent-bit", "edge"):
            self.assertEqual((RELEASE / f"nearmiss-{name}.wasm").read_bytes()[:8], b"\0asm\1\0\0\0", name)
        log = self.folder / "access.log"
        log.write_text("".join(
            f'{{"ts":{1795420800 + second},"upstream":"cart","status":200,"duration_ms":12,"attempts":{1 + second % 2}}}\n'
            for second in range(100)
        ))
        program = ROOT / f"dist/stage/{platform.machine()}/nearmiss"
        config = self.folder / "config.json"
        config.write_text('{"fluent_bit":{"format":"exchange"}}')
        exchanges = [
            [line for line in run(program, "replay", "-q", "--json", *arguments, log).splitlines() if b'"type":"exchange"' in line]
            for arguments in (["-f", "exchange"], ["-c", config, "--wasm", RELEASE / "nearmiss-fluent-bit.wasm"])
        ]
        self.assertEqual(len(exchanges[0]), 50)
        self.assertEqual(*exchanges)

    def test_a_real_envoy_runs_both_modules_which_judge_an_exchange(self):
        native = self.only(f"libnearmiss_envoy-{platform.machine()}.so")
        for module, installed, example in (
            (RELEASE / "nearmiss-envoy.wasm", "nearmiss-envoy.wasm", "envoy/http.yaml"),
            (native, "libnearmiss_envoy.so", "envoy-native/http.yaml"),
        ):
            with self.subTest(module.name):
                folder = self.folder / installed
                (folder / "dist").mkdir(parents=True)
                shutil.copy(module, folder / "dist" / installed)
                self.assertEqual(self.verdict(folder, ROOT / "examples" / example)[:19], "retried;attempts=2;")

    def verdict(self, folder, example):
        """Runs Envoy in a folder, with one of two origins missing, and returns the verdict of the first exchange that was a near miss."""
        origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
        threading.Thread(target=origin.serve_forever, daemon=True).start()
        self.addCleanup(origin.server_close)
        self.addCleanup(origin.shutdown)
        listener, *others = free_ports(4)
        config = example.read_text()
        for port, free in zip((10000, 9901, 8081, 8090, 8082), (listener, *others, origin.server_port)):
            config = config.replace(f"port_value: {port}", f"port_value: {free}")
        (folder / "envoy.yaml").write_text(config)
        with (folder / "log").open("w") as log:
            command = [ENVOY, "-c", "envoy.yaml", "--concurrency", "1", "--use-dynamic-base-id"]
            envoy = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=EMPTY)
        self.addCleanup(envoy.wait)
        self.addCleanup(envoy.kill)
        while envoy.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{listener}/", timeout=10) as response:
                    if verdict := response.headers["near-miss"]:
                        return verdict
            except urllib.error.URLError:
                time.sleep(0.1)
        self.fail((folder / "log").read_text())

    def test_the_native_module_needs_no_newer_glibc_than_the_readme_says(self):
        needed = run("readelf", "--version-info", "--wide", self.only("libnearmiss_envoy-*.so")).decode()
        versions = [tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([\d.]+)", needed)]
        (stated,) = re.findall(r"glibc (\d+)\.(\d+)", INSTALL)
        self.assertLessEqual(max(versions), tuple(map(int, stated)))

    def test_every_man_page_is_sound(self):
        pages = sorted((ROOT / "dist/stage/share/man/man1").iterdir())
        self.assertGreater(len(pages), 7)
        for page in pages:
            run("mandoc", "-T", "lint", "-W", "error", page)
            self.assertIn(page.stem.upper().encode()[:8], run("mandoc", "-T", "ascii", page).upper())

    def test_bash_fish_and_zsh_complete_commands(self):
        share = ROOT / "dist/stage/share"
        bash = f'. {share}/bash-completion/completions/nearmiss; COMP_WORDS=(nearmiss re); COMP_CWORD=1; _nearmiss nearmiss re nearmiss; echo "${{COMPREPLY[@]}}"'
        self.assertEqual(run("bash", "--norc", "-c", bash).split(), [b"replay", b"report"])
        fish = f'source {share}/fish/vendor_completions.d/nearmiss.fish; complete -C "nearmiss re"'
        listed = run("fish", "--no-config", "-c", fish, env={**EMPTY, "HOME": str(self.folder)}).decode()
        self.assertEqual([line.split("\t")[0] for line in listed.splitlines()], ["replay", "report"])
        zsh = f"fpath=({share}/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -d {self.folder}/dump; print $_comps[nearmiss]; autoload +X _nearmiss"
        self.assertEqual(run("zsh", "-f", "-c", zsh, env={**EMPTY, "HOME": str(self.folder)}).decode(), "_nearmiss\n")

    def test_the_bill_of_materials_is_valid_and_complete(self):
        text = self.only("*.cdx.json").read_text()
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))
        bill = json.loads(text)
        names = {component["name"] for component in bill["components"]}
        for name in ("nearmiss-cli", "nearmiss-envoy", "nearmiss-envoy-native", "nearmiss-fluent-bit", "nearmiss-edge", "nearmiss", "clap", "serde_json", "wasmi"):
            self.assertIn(name, names)
        self.assertEqual({"proptest", "wasmtime", "syn"} & names, set())
        for component in bill["components"]:
            self.assertTrue(component["licenses"], component["name"])

    def test_the_readme_names_files_that_are_released(self):
        named = set(re.findall(r"(?:lib)?nearmiss[\w.-]*\.(?:deb|tar\.gz|tgz|oci\.tar|wasm|so)|\w+\.schema\.json", INSTALL))
        self.assertEqual(len(named), 9, named)
        self.assertEqual(named - {path.name for path in RELEASE.iterdir()}, set())

    def test_packing_again_gives_the_same_bytes(self):
        again = self.folder / "again"
        run("make", "-s", "packages", f"RELEASE={again}", f"STAGE={ROOT / 'dist/stage'}", cwd=ROOT, env=os.environ)
        self.assertEqual((again / "SHA256SUMS").read_text(), (RELEASE / "SHA256SUMS").read_text())


if __name__ == "__main__":
    libtest.main()
