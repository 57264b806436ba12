#!/usr/bin/env python3
"""Runs simulated days, their variations and recorded traffic through `nearmiss replay`, and prints in one table how well it detects.

  bench.py NEARMISS [--real DIR] [--days DIR] [--only PART,…] [--list] [SEED ...]     seeds 1 to 5 by default, each at `std` and at `hard`

The parts are `days`, `variations` (or one of them: `noise15`, `ups30`, `hours`, `two`) and `recorded`. --real: recorded traffic whose
licence does not allow a copy here (recorded.py). A day is 3.8 million exchanges; two days run at a time. Simulating one takes four times
as long as replaying it: with --days the simulated days are kept in DIR, 90 MB each, and a later run only replays them. --list prints every
missed fault, false open and wrong pattern on standard error. Exits with 1 if a figure is worse than docs/detection.md promises.
"""
import argparse, os, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from score import score

HERE = Path(__file__).parent
LEVELS = ("std", "hard")
VARIATIONS = ("noise15", "ups30", "hours", "two")
SIMULATOR = [HERE / name for name in ("world.py", "variations.py", "emit.py")]
# label, key in score.py, comparison, bound at std and at hard
PROMISED = [
    ("F1", "f1", ">=", .90, .82),
    ("false opens per upstream-day", "false_per_upstream_day", "<=", .35, .35),
    ("hits never closed", "stuck_share", "<=", .05, .05),
    ("opens per hit beyond the first", "reopened_per_hit", "<=", .3, .3),
    ("right pattern in the close record", "right_pattern", ">=", .75, .75),
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


def replay(nearmiss, job, folder, days):
    """Replays a simulated day, given as (variation, level, seed). Returns the paths of its truth and of its episode records."""
    name = "-".join(map(str, job))
    records = folder / f"{name}.ndjson"
    command = [nearmiss, "replay", "--quiet", "--only", "episode", "--format", "exchange"]
    with open(records, "wb") as out:
        if days:
            truth, lines = kept(job, name, days)
            subprocess.run([*command, lines], stdout=out, check=True)
        else:
            truth = folder / f"{name}.json"
            emit = subprocess.Popen(simulation(job, truth), stdout=subprocess.PIPE)
            subprocess.run([*command, "-"], stdin=emit.stdout, stdout=out, check=True)
            emit.stdout.close()
            if emit.wait():
                sys.exit(f"bench.py: {name} failed")
    return truth, records


def kept(job, name, days):
    """Returns the paths of the truth and the compressed lines of a day, which is simulated if it is not there or outdated."""
    truth, lines = days / f"{name}.json", days / f"{name}.ndjson.gz"
    newest = max(path.stat().st_mtime for path in SIMULATOR)
    if not lines.exists() or lines.stat().st_mtime < newest:
        unfinished = lines.with_suffix(".unfinished")
        with open(unfinished, "wb") as out:
            emit = subprocess.Popen(simulation(job, truth), stdout=subprocess.PIPE)
            subprocess.run(["gzip", "-1"], stdin=emit.stdout, stdout=out, check=True)
            emit.stdout.close()
            if emit.wait():
                sys.exit(f"bench.py: {name} failed")
        unfinished.rename(lines)
    return truth, lines


def simulation(job, truth):
    variation, level, seed = job
    return [sys.executable, HERE / "emit.py", variation, str(seed), level, truth]


def scores(nearmiss, variations, seeds, days):
    """Returns the counts of each (variation, level, seed), and of each (variation, level) over the seeds."""
    jobs = [(variation, level, seed) for variation in variations for level in LEVELS for seed in seeds]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        pairs = dict(zip(jobs, pool.map(lambda job: replay(nearmiss, job, Path(folder), days), jobs)))
        return {
            **{job: score([pair]) for job, pair in pairs.items()},
            **{(variation, level): score(pairs[variation, level, seed] for seed in seeds) for variation in variations for level in LEVELS},
        }


def print_days(counts):
    std, hard = (counts["plain", level].result() for level in LEVELS)
    for name in ("precision", "recall", "f1", "false_per_upstream_day", "warn5", "outages", "median_delay_s", "reopened_per_hit",
                 "stuck_share", "right_pattern"):
        row(name, std[name], hard[name])
    for kind in std["recall_by_kind"]:
        row("recall of " + kind, *(figures["recall_by_kind"].get(kind, "-") for figures in (std, hard)))
    row("opens on hard negatives", *(sum(figures["opens_on_hard_negatives"].values()) for figures in (std, hard)))
    for name, *figures in USUAL:
        row("f1, " + name, *figures)


def print_variations(counts, variations, seeds):
    """Prints the mean of each variation over the seeds, and its range."""
    def figure(variation, level, key):
        values = [counts[variation, level, seed].result()[key] for seed in seeds]
        mean = f"{sum(values) / len(values):.2f}"
        return mean if len(values) == 1 else f"{mean} ({min(values):.2f}–{max(values):.2f})"

    for key in ("f1", "false_per_upstream_day", "right_pattern", "right_or_sustained"):
        for variation in variations:
            if key != "right_or_sustained" or variation == "hours":
                row(f"{key}, {variation}", *(figure(variation, level, key) for level in LEVELS))


def row(name, *figures):
    print(f"{name:38}" + "".join(f"{figure:>18}" for figure in figures), flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("nearmiss")
    arguments.add_argument("--real", type=Path)
    arguments.add_argument("--days", type=Path)
    arguments.add_argument("--only", default="days,variations,recorded")
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("seeds", type=int, nargs="*", default=[1, 2, 3, 4, 5])
    given = arguments.parse_intermixed_args()
    parts = given.only.split(",")
    if given.days:
        given.days.mkdir(parents=True, exist_ok=True)
    variations = [name for name in VARIATIONS if "variations" in parts or name in parts]
    row("seeds " + " ".join(map(str, given.seeds)), *LEVELS)
    counts = scores(given.nearmiss, ["plain"] * ("days" in parts) + variations, given.seeds, given.days)
    if given.list:
        print(*(line for key, count in counts.items() if len(key) == 2 for line in count.list), sep="\n", file=sys.stderr)
    if "days" in parts:
        print_days(counts)
    print_variations(counts, variations, given.seeds)
    if "recorded" in parts:
        data = ["--data", given.real] if given.real else []
        subprocess.run([sys.executable, HERE / "recorded.py", given.nearmiss, *data, *["--verbose"] * given.list], check=True)
    sys.exit("days" in parts and is_worse(counts))


def is_worse(counts):
    """Reports every figure that is worse than promised."""
    broken = False
    for name, key, sign, *bounds in PROMISED:
        for level, bound in zip(LEVELS, bounds):
            got = counts["plain", level].result()[key]
            if (got < bound) if sign == ">=" else (got > bound):
                print(f"bench.py: {name} at {level} is {got}, promised {sign} {bound}", file=sys.stderr)
                broken = True
    return broken


if __name__ == "__main__":
    main()
