#!/usr/bin/env python3
"""Prints a bill of materials of what ships, in CycloneDX's JSON: sbom.py VERSION

Listed are the crates that are compiled into the command line for Linux and into the modules; the edge package has no dependencies of its own."""

import datetime
import json
import os
import subprocess
import sys
import tomllib
import uuid

SHIPPED = {
    "nearmiss-cli": "x86_64-unknown-linux-musl",
    "nearmiss-envoy-native": "x86_64-unknown-linux-gnu",
    "nearmiss-envoy": "wasm32-unknown-unknown",
    "nearmiss-fluent-bit": "wasm32-wasip1",
    "nearmiss-edge": "wasm32-unknown-unknown",
}


def main(version):
    with open("Cargo.lock", "rb") as lock:
        checksums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in tomllib.load(lock)["package"]}
    packages, edges, roots = {}, {}, []
    for name, target in SHIPPED.items():
        metadata = cargo_metadata(target)
        by_id = {package["id"]: package for package in metadata["packages"]}
        nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
        root = next(package["id"] for package in metadata["packages"] if package["name"] == name and package["source"] is None)
        roots.append(reference(by_id[root]))
        waiting = [root]
        while waiting:
            package = by_id[node_id := waiting.pop()]
            linked = [dep["pkg"] for dep in nodes[node_id]["deps"] if is_linked(dep) and not is_macro(by_id[dep["pkg"]])]
            packages[reference(package)] = package
            known = edges.setdefault(reference(package), set())
            waiting += [dep for dep in linked if reference(by_id[dep]) not in known]
            known.update(reference(by_id[dep]) for dep in linked)
    product = f"pkg:generic/nearmiss@{version}"
    edges[product] = set(roots)
    time = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": product, "name": "nearmiss", "version": version, "purl": product},
        },
        "components": [component(ref, package, checksums) for ref, package in sorted(packages.items())],
        "dependencies": [{"ref": ref, "dependsOn": sorted(edges[ref])} for ref in sorted(edges)],
    }
    # A serial number is to be unique to the content, and the same for the same content.
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True)).urn
    json.dump(document, sys.stdout, indent=1, sort_keys=True)
    print()


def cargo_metadata(target):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    return json.loads(subprocess.check_output(command))


def is_linked(dependency):
    return any(kind["kind"] is None for kind in dependency["dep_kinds"])


def is_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def reference(package):
    kind = "generic" if package["source"] is None else "cargo"
    return f"pkg:{kind}/{package['name']}@{package['version']}"


def component(ref, package, checksums):
    entry = {
        "type": "library",
        "bom-ref": ref,
        "name": package["name"],
        "version": package["version"],
        "purl": ref,
        "licenses": [{"expression": package["license"].replace("/", " OR ")}],
    }
    checksum = checksums[package["name"], package["version"]]
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return entry


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    main(sys.argv[1])
