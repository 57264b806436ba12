#!/usr/bin/env python3
"""Compares the results of examples/spark, on a real Spark with two executor processes, with those of the command line alone.

    spark.py        # in the environment that has pyspark and the wheel of nearmiss"""

import collections
import gzip
import json
import pathlib
import os
import sys
import tempfile
import unittest

from pyspark.sql import Row, SparkSession

import libtest
from spark_job import ENVIRONMENT, JOB, NEARMISS, SAMPLE, nearmiss, submit

sys.path.append(str(JOB.parent))
import nearmiss_spark

UPSTREAMS = ("blog", "cart", "checkout", "feed", "search")
CONFIG = '{"upstreams":{"cart":{"timeout":"150ms"}}}'
BAD_LINE = "this is no line of an access log\n"

# A nearmiss that kills its executor the first time that it judges the largest upstream, after a part of the input.
KILLER = """#!{python}
import os, pathlib, signal, sys

def parent(pid):
    return int(pathlib.Path(f"/proc/{{pid}}/stat").read_text().rpartition(")")[2].split()[1])

if sys.argv[1] == "replay" and any(word.startswith("spark/feed/") for word in sys.argv):
    with open("{starts}", "a") as starts:
        starts.write("started\\n")
    if os.path.getsize("{starts}") == len("started\\n"):
        sys.stdin.buffer.read(100_000)
        pid = os.getppid()
        while b"CoarseGrainedExecutorBackend" not in pathlib.Path(f"/proc/{{pid}}/cmdline").read_bytes():
            pid = parent(pid)
        os.kill(pid, signal.SIGKILL)
        sys.exit(1)
os.execv("{nearmiss}", ["nearmiss", *sys.argv[1:]])
"""


def write_logs(folder):
    """Writes the sample log in three files, one of them compressed. `feed` has half of the traffic, and one line is not a line of a log."""
    folder.mkdir()
    lines = gzip.decompress(SAMPLE.read_bytes()).decode().splitlines(keepends=True)
    lines = [copy for line in lines for copy in copies(line)]
    lines.insert(len(lines) // 2, BAD_LINE)
    third = len(lines) // 3
    (folder / "access.log.2").write_text("".join(lines[:third]))
    (folder / "access.log.1").write_text("".join(lines[third:2 * third]))
    (folder / "access.log.0.gz").write_bytes(gzip.compress("".join(lines[2 * third:]).encode(), mtime=0))


def copies(line):
    """Yields a line, and three more of `feed` for one of `search`."""
    yield line
    if 'upstream="search"' in line:
        yield from [line.replace('upstream="search"', 'upstream="feed"')] * 3


class OnSpark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        cls.logs, cls.output, cls.config = cls.folder / "logs", cls.folder / "output", cls.folder / "nearmiss.json"
        write_logs(cls.logs)
        cls.config.write_text(CONFIG)
        submit(cls.logs, cls.output, "--config", cls.config)
        cls.plain = cls.replay()
        os.environ.update(ENVIRONMENT)
        session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "2")
        cls.spark = session.getOrCreate()
        cls.addClassCleanup(cls.spark.stop)

    @classmethod
    def replay(cls, *options):
        return nearmiss("replay", "-q", "--json", "--config", cls.config, *options, *sorted(cls.logs.iterdir()))

    def parquet(self, kind, output=None):
        return self.spark.read.parquet(str((output or self.output) / nearmiss_spark.FOLDERS[kind]))

    def fleet(self, output=None):
        return sorted(line for path in ((output or self.output) / "fleet").glob("part-*") for line in path.read_text().splitlines())

    def plain_table(self, kind):
        path = self.folder / f"plain-{kind}.ndjson"
        path.write_text("".join(f"{line}\n" for line in self.plain if json.loads(line)["type"] == kind))
        return self.spark.read.schema(self.parquet(kind).schema).json(str(path))

    def assert_equal_tables(self, one, other):
        """Compares two tables as multisets of their rows."""
        one, other = (collections.Counter(table.toJSON().collect()) for table in (one, other))
        self.assertGreater(one.total(), 0)
        self.assertEqual(list((one - other).items())[:3], [])
        self.assertEqual(list((other - one).items())[:3], [])

    def test_the_exchange_records_are_those_of_replay(self):
        self.assertGreater(self.parquet("exchange").filter("upstream = 'cart' and fate = 'tight'").count(), 0, "the configuration had no effect")
        self.assert_equal_tables(self.parquet("exchange"), self.plain_table("exchange"))

    def test_the_counters_are_those_of_replay(self):
        fleet = counters(self.fleet())
        self.assertEqual({upstream for upstream, *_ in fleet}, set(UPSTREAMS))
        self.assertEqual(fleet, counters(self.plain))

    def test_the_fleets_records_are_those_of_replay_for_each_upstream_followed_by_merge(self):
        records = []
        for upstream in UPSTREAMS:
            exchanges = nearmiss("convert", "-q", "--upstream", upstream, *sorted(self.logs.iterdir()))
            first = min(int(json.loads(line)["ts"]) for line in exchanges)
            records += self.replay("--upstream", upstream, "--source", f"spark/{upstream}/{first}")
        merged = nearmiss("merge", "-q", "-", stdin="\n".join(records))
        self.assertGreater(sum('"phase":"close"' in line for line in merged), 3)
        self.assertEqual(self.fleet(), sorted(merged))

    def test_every_record_has_the_types_of_its_schema(self):
        for kind in nearmiss_spark.FOLDERS:
            self.assertEqual(self.parquet(kind).filter(f"upstream is null or schema is null or schema != 1 or type != '{kind}'").count(), 0, kind)
        self.assertEqual(dict(self.parquet("exchange").dtypes)["time"], "timestamp")
        self.assertEqual(self.parquet("summary").filter("fates.clean is null or latency.counts is null").count(), 0)

    def test_a_partition_that_runs_twice_yields_the_same_records_and_counts_once(self):
        once, again = (list(nearmiss_spark.replay(partition(), [])) for _ in range(2))
        self.assertEqual(once, again)
        self.assertEqual(nearmiss_spark.merge(once + again, "60s"), nearmiss_spark.merge(once, "60s"))

    def test_days_that_are_judged_apart_add_up(self):
        days = [list(nearmiss_spark.replay(partition(day), [])) for day in range(2)]
        merged = nearmiss_spark.merge([record for day in days for record in nearmiss_spark.merge(day, "60s")], "1h")
        once = counters(days[0])
        self.assertEqual(counters(merged), {name: round(2 * count, 3) for name, count in once.items()})

    def test_an_executor_that_is_killed_changes_nothing(self):
        output, program, starts = (self.folder / name for name in ("killed", "killer", "starts"))
        program.write_text(KILLER.format(python=sys.executable, nearmiss=NEARMISS, starts=starts))
        program.chmod(0o755)
        log = submit(self.logs, output, "--config", self.config, conf=[("spark.executorEnv.NEARMISS", program)])
        self.assertIn("Lost executor", log)
        self.assertGreater(len(starts.read_text().splitlines()), 1, "no task ran twice")
        self.assertEqual(self.fleet(output), self.fleet())
        for kind in nearmiss_spark.FOLDERS:
            self.assert_equal_tables(self.parquet(kind, output), self.parquet(kind))

    def test_too_many_bad_lines_end_the_job_with_the_error_of_the_first(self):
        command = ["convert", "-q", "--format", "nginx"]
        with self.assertRaisesRegex(RuntimeError, r"nearmiss convert exited with 2: nearmiss: -:1: "):
            list(nearmiss_spark.pipe(command, [BAD_LINE.rstrip()] * 3))


def partition(day=0):
    """Returns the exchanges of two upstreams, sorted as Spark sorts them, `day` days later."""
    exchanges = map(json.loads, nearmiss("convert", "-q", "--upstream", "cart,search", SAMPLE))
    exchanges = [{**exchange, "ts": round(exchange["ts"] + 86_400 * day, 6)} for exchange in exchanges]
    rows = [Row(upstream=exchange["upstream"], ts=exchange["ts"], value=json.dumps(exchange)) for exchange in exchanges]
    return sorted(rows, key=lambda row: (row.upstream, row.ts, row.value))


def counters(records):
    """Returns the sums of the counters in summaries, by upstream."""
    sums = collections.Counter()
    for record in map(json.loads, records):
        if record["type"] == "summary":
            counts = {name: record[name] for name in ("attempts", "first_try", "failed_attempts_ms", "late")}
            counts |= record["fates"] | {("signal", name): count for name, count in record["signals"].items()}
            counts |= {("margin", index): count for index, count in enumerate(record["margins"])}
            counts |= {("latency", index): count for index, count in enumerate(record["latency"]["counts"], record["latency"]["offset"])}
            sums.update({(record["upstream"], name): count for name, count in counts.items()})
    return {name: round(count, 3) for name, count in sums.items() if count}


if __name__ == "__main__":
    libtest.main()
