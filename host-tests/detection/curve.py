#!/usr/bin/env python3
"""Prints the trade-off of one constant of the detector: a row for each value, with what it does to quiet days and to faults.

  curve.py FILE:CONSTANT VALUE ... [--real DIR] [--days DIR] [--variations NAME,…] [--seeds N,…]

FILE is in src/episode, CONSTANT a `const` with a number. For each value the command line is built from a copy of the sources with that
value, and runs the simulated days (or variations) and the recorded traffic. A cell has std / hard for each variation.
"""
import argparse, json, re, shutil, subprocess, sys
from pathlib import Path
from bench import HERE, LEVELS, scores

ROOT = HERE.parent.parent
COPY = ROOT / "target" / "detection-curve"
KINDS = ("correlated_dep", "periodic_blips lat")
HEADER = ("value", "F1", "false", "warned", "pattern", *(f"recall of {kind}" for kind in KINDS), "PetShop quiet", "found/first", "quiet, others", "tt: recall/top-1")


def build(file, constant, value):
    """Builds `nearmiss` from a copy of the sources in which a constant has another value. Returns the path of the binary."""
    sources = COPY / "sources"
    shutil.rmtree(sources, ignore_errors=True)
    for path in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        if (ROOT / path).is_file():
            (sources / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, sources / path)
    edited = sources / "src" / "episode" / file
    declaration = rf"(?m)^((?:pub\(\w+\) )?const {constant}: (\w+) = )[^;]+;"
    text, found = re.subn(declaration, lambda match: f"{match[1]}{float(value) if match[2] == 'f32' else value};", edited.read_text())
    if found != 1:
        sys.exit(f"curve.py: {file} has {found} constants {constant}")
    edited.write_text(text)
    options = ["--config", "profile.native.lto=false", "--config", "profile.native.codegen-units=16"]
    subprocess.run(["cargo", "build", "-q", "--locked", "--profile", "native", "-p", "nearmiss-cli", "--target-dir", COPY / "target", *options], cwd=sources, check=True)
    binary = COPY / f"nearmiss-{constant}-{value}"
    shutil.copy2(COPY / "target" / "native" / "nearmiss", binary)
    return binary


def figures(binary, given):
    """Returns the cells of a row."""
    counts = scores(binary, given.variations, given.seeds, given.days)
    results = [counts[variation, level].result() for variation in given.variations for level in LEVELS]
    simulated = [" / ".join(f"{result[key]:.2f}" for result in results) for key in ("f1", "false_per_upstream_day", "warn5", "right_or_sustained")]
    simulated += [" / ".join(f"{result['recall_by_kind'].get(kind, float('nan')):.2f}" for result in results) for kind in KINDS]
    data = ["--data", given.real] if given.real else []
    sets = json.loads(subprocess.check_output([sys.executable, HERE / "recorded.py", binary, *data]).splitlines()[-1])["sets"]
    shop, tt = sets["petshop-high"], sets.get("tt", {})
    others = " / ".join(f"{found['opens_per_upstream_day']}" for name, found in sets.items() if name != "petshop-high")
    return (*simulated, f"{shop['opens_per_upstream_day']} ({shop['bare']} bare)", f"{shop['issue_hit']}/{shop['issue_first']}", others or "-", f"{tt.get('recall_new', '-')}/{tt.get('top1', '-')}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("constant")
    arguments.add_argument("values", nargs="+")
    arguments.add_argument("--real", type=Path)
    arguments.add_argument("--days", type=Path)
    arguments.add_argument("--variations", type=lambda names: names.split(","), default=["plain"])
    arguments.add_argument("--seeds", type=lambda seeds: [int(seed) for seed in seeds.split(",")], default=[1, 2, 3, 4, 5])
    given = arguments.parse_intermixed_args()
    file, constant = given.constant.split(":")
    if given.days:
        given.days.mkdir(parents=True, exist_ok=True)
    row = lambda cells: print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    row(HEADER)
    row("---" for _ in HEADER)
    for value in given.values:
        row((value, *figures(build(file, constant, value), given)))


if __name__ == "__main__":
    main()
