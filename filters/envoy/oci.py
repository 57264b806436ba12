#!/usr/bin/env python3
"""Packs the module as Istio and Envoy Gateway pull it: an OCI image layout of one layer with `plugin.wasm` at its root.

    oci.py dist/nearmiss-envoy.wasm dist/oci 0.2.0

The output is reproducible: it holds no timestamp, user or machine name.
"""

import gzip
import hashlib
import io
import json
import pathlib
import shutil
import sys
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
# The "compat" variant of a Wasm image is an ordinary OCI image, which every registry accepts.
VARIANT = {"module.wasm.image/variant": "compat"}


def main(module, folder, tag):
    layout = Layout(pathlib.Path(folder))
    archive = tar("plugin.wasm", pathlib.Path(module).read_bytes())
    layer = layout.add(LAYER, gzip.compress(archive, compresslevel=9, mtime=0))
    config = layout.add_json(CONFIG, {
        "architecture": "wasm",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(archive)]},
    })
    manifest = layout.add_json(MANIFEST, {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [layer],
        "annotations": VARIANT,
    })
    layout.close(manifest, tag)
    print(f"{folder}: {tag}, {manifest['digest']}")


class Layout:
    """An OCI image layout: a folder of blobs, each named by its digest, and an index."""

    def __init__(self, folder):
        self.folder = folder
        self.blobs = folder / "blobs" / "sha256"
        shutil.rmtree(folder, ignore_errors=True)
        self.blobs.mkdir(parents=True)

    def add(self, media_type, blob):
        name = digest(blob)
        (self.blobs / name.removeprefix("sha256:")).write_bytes(blob)
        return {"mediaType": media_type, "digest": name, "size": len(blob)}

    def add_json(self, media_type, document):
        return self.add(media_type, to_json(document))

    def close(self, manifest, tag):
        named = manifest | {"annotations": {"org.opencontainers.image.ref.name": tag}}
        (self.folder / "index.json").write_bytes(to_json({"schemaVersion": 2, "manifests": [named]}))
        (self.folder / "oci-layout").write_bytes(to_json({"imageLayoutVersion": "1.0.0"}))


def tar(name, content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def digest(blob):
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def to_json(document):
    return json.dumps(document, separators=(",", ":")).encode()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: oci.py MODULE FOLDER TAG, such as: oci.py dist/nearmiss-envoy.wasm dist/oci 0.2.0")
    main(*sys.argv[1:])
