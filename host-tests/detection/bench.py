#!/usr/bin/env python3
"""Runs simulated days through `nearmiss replay` and prints how well it detects their episodes.

  bench.py NEARMISS [--real DIR] [SEED ...]        seeds 1 to 5 by default, each at `std` and at `hard`

DIR has recorded traffic and its rules: score_real.py, which prints opens on quiet days and recall of known faults, and variations.py,
which changes the simulated day; the latter may be in the parent folder. They are run after the simulated days.
A day is 3.8 million exchanges; two days run at a time. Exits with 1 if a figure is worse than docs/detection.md promises.
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


def variations(nearmiss, script, seeds):
    def score(job):
        variation, level, seed = job
        command = [sys.executable, script, variation, level, str(seed), "--run", nearmiss]
        return json.loads(subprocess.check_output(command))

    names = ["noise15", "ups30", "hours", "two"]
    jobs = [(name, level, seed) for name in names for level in LEVELS for seed in seeds]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        scores = dict(zip(jobs, pool.map(score, jobs)))
    for label, key in [("F1", "f1"), ("false opens", "false_per_upstream_day"), ("right pattern", "right_pattern_share")]:
        for name in names:
            means = [sum(scores[name, level, seed][key] for seed in seeds) / len(seeds) for level in LEVELS]
            print(f"{label + ', ' + name:38}{means[0]:>8.2f}{means[1]:>8.2f}")


def recorded(nearmiss, folder, seeds):
    script = next((path / "variations.py" for path in (folder, folder.resolve().parent) if (path / "variations.py").exists()), None)
    if script:
        variations(nearmiss, script, seeds)
    if not (folder / "score_real.py").exists():
        sys.exit(f"bench.py: {folder}/score_real.py is not found")
    sys.stdout.flush()
    subprocess.run([sys.executable, folder / "score_real.py", nearmiss], check=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("nearmiss")
    arguments.add_argument("--real", type=Path)
    arguments.add_argument("seeds", type=int, nargs="*", default=[1, 2, 3, 4, 5])
    given = arguments.parse_args()
    nearmiss, seeds = given.nearmiss, given.seeds
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        jobs = {level: [pool.submit(day, nearmiss, seed, level, Path(folder)) for seed in seeds] for level in LEVELS}
        scores = {}
        for level in LEVELS:
            pairs = [path for job in jobs[level] for path in job.result()]
            scores[level] = json.loads(subprocess.check_output([sys.executable, HERE / "score.py", *pairs]))
    std, hard = scores["std"], scores["hard"]
    print(f"seeds {' '.join(map(str, seeds))}\n{'':38}{'std':>8}{'hard':>8}")
    for name in ("precision", "recall", "f1", "false_per_upstream_day", "warn5", "outages", "median_delay_s",
                 "reopened_per_hit", "stuck_share", "right_pattern_share"):
        print(f"{name:38}{std[name]:>8}{hard[name]:>8}")
    for kind in std["recall_by_kind"]:
        print(f"{'recall of ' + kind:38}{std['recall_by_kind'][kind]:>8}{hard['recall_by_kind'].get(kind, '-'):>8}")
    negatives = {level: sum(scores[level]["opens_on_hard_negatives"].values()) for level in LEVELS}
    print(f"{'opens on hard negatives':38}{negatives['std']:>8}{negatives['hard']:>8}")
    if given.real:
        recorded(nearmiss, given.real, seeds)
    broken = 0
    for name, key, sign, *bounds in PROMISED:
        for level, bound in zip(LEVELS, bounds):
            got = scores[level][key]
            if (got < bound) if sign == ">=" else (got > bound):
                print(f"bench.py: {name} at {level} is {got}, promised {sign} {bound}", file=sys.stderr)
                broken = 1
    sys.exit(broken)


main()
