#!/usr/bin/env python3
"""Runs simulated days through `nearmiss replay` and prints how well it detects their episodes.

  bench.py NEARMISS [SEED ...]        seeds 1 to 5 by default, each at `std` and at `hard`

A day is 3.8 million exchanges; two days run at a time. Exits with 1 if a figure is worse than docs/detection.md promises.
"""
import json, os, subprocess, sys, tempfile
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


def main():
    nearmiss, seeds = sys.argv[1], [int(s) for s in sys.argv[2:]] or [1, 2, 3, 4, 5]
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
    broken = 0
    for name, key, sign, *bounds in PROMISED:
        for level, bound in zip(LEVELS, bounds):
            got = scores[level][key]
            if (got < bound) if sign == ">=" else (got > bound):
                print(f"bench.py: {name} at {level} is {got}, promised {sign} {bound}", file=sys.stderr)
                broken = 1
    sys.exit(broken)


main()
