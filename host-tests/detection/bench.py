#!/usr/bin/env python3
"""Runs simulated days, their variations and recorded traffic through `nearmiss replay`, and prints in one table how well it detects.

  bench.py NEARMISS [--real DIR] [--only PART,…] [SEED ...]        seeds 1 to 5 by default, each at `std` and at `hard`

The parts are `days`, `variations` and `recorded`. DIR has recorded traffic whose licence does not allow a copy here (recorded.py). A
day is 3.8 million exchanges; two days run at a time. Exits with 1 if a figure is worse than docs/detection.md promises.
"""
import argparse, json, os, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
LEVELS = ("std", "hard")
# label, key in score.py, comparison, bound at std and at hard
PROMISED = [
    ("F1", "f1", ">=", .90, .82),
    ("false opens per upstream-day", "false_per_upstream_day", "<=", .35, .35),
    ("hits never closed", "stuck_share", "<=", .05, .05),
    ("opens per hit beyond the first", "reopened_per_hit", "<=", .3, .3),
    ("right pattern in the close record", "right_pattern_share", ">=", .75, .75),
]

# F1 of common detectors on five other seeds of the same days, scored by the same rules.
USUAL = [
    ("p99 > 1 s or 5xx > 1 %, one minute", .06, .06),
    ("burn rate on 5xx, SLO 99.9", .15, .15),
    ("burn rate on retries and 5xx", .26, .21),
    ("EWMA mean + 3 sigma", .59, .45),
    ("Envoy outlier detection", .47, .40),
    ("2 % of 200 log lines", .09, .07),
    ("exceedance counts / dispersion", .82, .65),
]


def day(nearmiss, seed, level, folder):
    truth, records = folder / f"{level}-{seed}.json", folder / f"{level}-{seed}.ndjson"
    emit = subprocess.Popen([sys.executable, HERE / "emit.py", str(seed), level, truth], stdout=subprocess.PIPE)
    replay = subprocess.Popen([nearmiss, "replay", "--format", "exchange", "-"], stdin=emit.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    emit.stdout.close()
    with open(records, "wb") as out:
        out.writelines(line for line in replay.stdout if b'"type":"episode"' in line[:40])
    if emit.wait() or replay.wait():
        sys.exit(f"bench.py: seed {seed} {level} failed")
    return [truth, records]


def days(nearmiss, seeds):
    """Returns the scores of the simulated days by level."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        jobs = {level: [pool.submit(day, nearmiss, seed, level, Path(folder)) for seed in seeds] for level in LEVELS}
        scores = {}
        for level in LEVELS:
            pairs = [path for job in jobs[level] for path in job.result()]
            scores[level] = json.loads(subprocess.check_output([sys.executable, HERE / "score.py", *pairs]))
    for name in ("precision", "recall", "f1", "false_per_upstream_day", "warn5", "outages", "median_delay_s",
                 "reopened_per_hit", "stuck_share", "right_pattern_share"):
        row(name, *(scores[level][name] for level in LEVELS))
    for kind in scores["std"]["recall_by_kind"]:
        row("recall of " + kind, *(scores[level]["recall_by_kind"].get(kind, "-") for level in LEVELS))
    row("opens on hard negatives", *(sum(scores[level]["opens_on_hard_negatives"].values()) for level in LEVELS))
    for name, *figures in USUAL:
        row("f1, " + name, *figures)
    return scores


def variations(nearmiss, seeds):
    """Prints the mean of each variation over the seeds, and its range."""
    def score(job):
        variation, level, seed = job
        command = [sys.executable, HERE / "variations.py", variation, level, str(seed), "--run", nearmiss]
        return json.loads(subprocess.check_output(command))

    names = ["noise15", "ups30", "hours", "two"]
    jobs = [(name, level, seed) for name in names for level in LEVELS for seed in seeds]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        scores = dict(zip(jobs, pool.map(score, jobs)))

    def figure(name, level, key):
        values = [scores[name, level, seed][key] for seed in seeds]
        mean = f"{sum(values) / len(values):.2f}"
        return mean if len(values) == 1 else f"{mean} ({min(values):.2f}–{max(values):.2f})"

    for label, key in [("f1", "f1"), ("false_per_upstream_day", "false_per_upstream_day"), ("right_pattern_share", "right_pattern_share")]:
        for name in names:
            row(f"{label}, {name}", *(figure(name, level, key) for level in LEVELS))


def recorded(nearmiss, folder):
    sys.stdout.flush()
    data = ["--data", folder] if folder else []
    subprocess.run([sys.executable, HERE / "recorded.py", nearmiss, *data], check=True)


def row(name, *figures):
    print(f"{name:38}" + "".join(f"{figure:>18}" for figure in figures), flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("nearmiss")
    arguments.add_argument("--real", type=Path)
    arguments.add_argument("--only", default="days,variations,recorded")
    arguments.add_argument("seeds", type=int, nargs="*", default=[1, 2, 3, 4, 5])
    given = arguments.parse_args()
    nearmiss, seeds, parts = given.nearmiss, given.seeds, given.only.split(",")
    row("seeds " + " ".join(map(str, seeds)), *LEVELS)
    scores = days(nearmiss, seeds) if "days" in parts else None
    if "variations" in parts:
        variations(nearmiss, seeds)
    if "recorded" in parts:
        recorded(nearmiss, given.real)
    sys.exit(scores is not None and is_worse(scores))


def is_worse(scores):
    """Reports every figure that is worse than promised."""
    broken = False
    for name, key, sign, *bounds in PROMISED:
        for level, bound in zip(LEVELS, bounds):
            got = scores[level][key]
            if (got < bound) if sign == ">=" else (got > bound):
                print(f"bench.py: {name} at {level} is {got}, promised {sign} {bound}", file=sys.stderr)
                broken = True
    return broken


main()
