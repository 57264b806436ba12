#!/usr/bin/env python3
"""Packs the command line as a wheel, which `pip install` puts on the path: python-wheel.py BINARY SHARE ARCHITECTURE VERSION FOLDER

SHARE is what `nearmiss generate` writes. The binary is static, so that it runs with glibc and with musl. No time in the wheel is later
than SOURCE_DATE_EPOCH."""

import pathlib
import shutil
import sys
import tempfile

from wheel.wheelfile import WheelFile

ROOT = pathlib.Path(__file__).parent.parent
# The oldest tags that pip knows for the architectures; a static binary needs no newer system.
PLATFORMS = ("manylinux_2_17", "manylinux2014", "musllinux_1_1")

METADATA = """\
Metadata-Version: 2.1
Name: nearmiss
Version: {version}
Summary: Finds requests that succeeded only because of a retry, a fallback or a stale copy, or that came close to a timeout.
License: Apache-2.0
License-File: LICENSE
Keywords: access log,envoy,haproxy,nginx,observability,retry
Classifier: Environment :: Console
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Rust
Classifier: Topic :: System :: Monitoring
Requires-Python: >=3.7
Description-Content-Type: text/markdown

{description}"""


def main(binary, share, architecture, version, folder):
    platforms = [f"{platform}_{architecture}" for platform in PLATFORMS]
    with tempfile.TemporaryDirectory() as stage:
        stage = pathlib.Path(stage)
        info, data = stage / f"nearmiss-{version}.dist-info", stage / f"nearmiss-{version}.data"
        info.mkdir()
        (info / "METADATA").write_text(METADATA.format(version=version, description=(ROOT / "README.md").read_text()))
        tags = "".join(f"Tag: py3-none-{platform}\n" for platform in platforms)
        (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nGenerator: nearmiss\nRoot-Is-Purelib: false\n{tags}")
        shutil.copyfile(ROOT / "LICENSE", info / "LICENSE")
        (data / "scripts").mkdir(parents=True)
        shutil.copyfile(binary, data / "scripts/nearmiss")
        shutil.copytree(share, data / "data/share")
        for path in stage.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "scripts" else 0o644)
        with WheelFile(pathlib.Path(folder) / f"nearmiss-{version}-py3-none-{'.'.join(platforms)}.whl", "w") as wheel:
            wheel.write_files(stage)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__.splitlines()[0])
    main(*sys.argv[1:])
