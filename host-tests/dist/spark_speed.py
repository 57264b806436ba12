#!/usr/bin/env python3
"""Measures examples/spark with one and two executor processes, alternating with `nearmiss replay`: spark_speed.py LINES

The time of Spark is that from the start of its first job to the end of its last one, without the start of its processes."""

import gzip
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from spark_job import NEARMISS, SAMPLE, submit

FILES = 8


def main(lines):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        logs = folder / "logs"
        write_logs(logs, lines)
        print("executors  lines/s of replay  of Spark  ratio")
        for executors in (1, 2):
            before = replay(logs)
            spark = judge(logs, folder / f"output-{executors}", executors)
            plain = (before + replay(logs)) / 2
            print(f"{executors:9}  {lines / plain:17.0f}  {lines / spark:8.0f}  {plain / spark:5.2f}", flush=True)


def write_logs(folder, lines):
    """Writes copies of the sample log, each with upstreams of its own, in files of equal size."""
    folder.mkdir()
    sample = gzip.decompress(SAMPLE.read_bytes()).decode().splitlines(keepends=True)
    copies = -(-lines // len(sample))
    merged = (line.replace('"\n', f'-{copy}"\n') for line in sample for copy in range(copies))
    for number in range(FILES):
        (folder / f"access.log.{FILES - number}").write_text("".join(itertools.islice(merged, lines // FILES)))


def replay(logs):
    """Returns the seconds that the command line takes for all files."""
    start = time.monotonic()
    subprocess.run([NEARMISS, "replay", "-q", "--json", *sorted(logs.iterdir())], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def judge(logs, output, executors):
    """Returns the seconds from the first job's start to the last one's end."""
    events = output.with_suffix(".events")
    events.mkdir()
    conf = {
        "spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file://{events}", "spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "false",
        "spark.sql.shuffle.partitions": "8",
    }
    submit(logs, output, executors=executors, conf=conf)
    (log,) = events.iterdir()
    times = [
        event["Submission Time"] if event["Event"] == "SparkListenerJobStart" else event["Completion Time"]
        for event in map(json.loads, log.read_text().splitlines()) if event["Event"] in ("SparkListenerJobStart", "SparkListenerJobEnd")
    ]
    return (max(times) - min(times)) / 1000


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    main(int(sys.argv[1]))
