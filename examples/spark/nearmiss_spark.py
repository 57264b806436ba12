#!/usr/bin/env python3
"""Judges access logs on Spark: `nearmiss convert` reads the lines, `nearmiss replay` judges each upstream, `nearmiss merge` adds up the fleet.

    spark-submit nearmiss_spark.py LOGS OUTPUT [--format FORMAT] [--config FILE] [--every SPAN] [--max-bad SHARE] [--partitions N]

LOGS is a folder, file or pattern that Spark reads as text, plain or .gz. OUTPUT gets a folder of Parquet for each type of record, and `fleet`,
the merged records as lines. Every worker needs the wheel of nearmiss, or a program that the environment variable NEARMISS names."""

import argparse
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

from pyspark import SparkFiles
from pyspark.sql import SparkSession, functions, types

FOLDERS = {"exchange": "exchanges", "episode": "episodes", "summary": "summaries"}


def main():
    arguments = parse_arguments()
    spark = SparkSession.builder.appName("nearmiss").getOrCreate()
    if arguments.config:
        spark.sparkContext.addFile(arguments.config)
    records = judge(spark, arguments).persist()
    for kind, schema in record_types().items():
        lines = records.filter(functions.get_json_object("value", "$.type") == kind)
        parsed = lines.select(functions.from_json("value", schema).alias("record")).select("record.*")
        parsed.write.mode("overwrite").parquet(f"{arguments.output}/{FOLDERS[kind]}")
    fleet = spark.sparkContext.parallelize(merge_all(records, arguments.every), 1)
    rows(spark, fleet).write.mode("overwrite").text(f"{arguments.output}/fleet")
    spark.stop()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logs")
    parser.add_argument("output")
    parser.add_argument("--format", default="auto", help="the format of the lines; detected in each partition by default")
    parser.add_argument("--config", help="a configuration file of nearmiss")
    parser.add_argument("--every", default="60s", help="the interval of the merged summaries; default 60s")
    parser.add_argument("--max-bad", default="5%", help="maximum share of unreadable lines in a partition; default 5%%")
    parser.add_argument("--partitions", type=int, help="number of partitions of the upstreams; Spark's default otherwise")
    return parser.parse_args()


def judge(spark, arguments):
    """Returns the records of all upstreams, one JSON text a row."""
    config = ["--config", pathlib.Path(arguments.config).name] if arguments.config else []
    convert = ["convert", "-q", "--format", arguments.format, "--max-bad", arguments.max_bad, *config]
    lines = spark.sparkContext.textFile(arguments.logs)
    exchanges = rows(spark, lines.mapPartitions(lambda part: pipe(convert, part))).select(
        "value",
        functions.get_json_object("value", "$.upstream").alias("upstream"),
        functions.get_json_object("value", "$.ts").cast("decimal(20,6)").alias("ts"),
    )
    partitions = [arguments.partitions] if arguments.partitions else []
    by_upstream = exchanges.repartition(*partitions, "upstream").sortWithinPartitions("upstream", "ts", "value")
    return rows(spark, by_upstream.rdd.mapPartitions(lambda part: replay(part, config)))


def rows(spark, texts):
    return spark.createDataFrame(texts.map(lambda text: (text,)), "value string", verifySchema=False)


def replay(part, config):
    """Yields the records of each upstream of a partition. They and their source depend on the logs alone: a partition that runs twice yields the same
    records, and those of another day have another source."""
    for upstream, group in itertools.groupby(part, key=lambda row: row.upstream or "none"):
        first = next(group)
        source = f"spark/{upstream}/{int(first.ts or 0)}"
        command = ["replay", "-q", "--json", "--format", "exchange", "--source", source, *config]
        yield from pipe(command, (row.value for row in itertools.chain([first], group)))


def merge_all(records, every):
    """Returns the records of the fleet: each partition is merged, then the results are."""
    mergeable = records.filter(functions.get_json_object("value", "$.type") != "exchange").rdd.map(lambda row: row.value)
    return mergeable.mapPartitions(lambda part: [merge(part, every)]).treeReduce(lambda one, other: merge(one + other, every))


def merge(lines, every):
    return list(pipe(["merge", "-q", "--every", every], lines))


def pipe(command, lines):
    """Yields the lines that nearmiss prints for `lines` on its standard input."""
    command = [SparkFiles.get(word) if before == "--config" else word for before, word in zip(["", *command], command)]
    command = [program(), *command, "-"]
    with tempfile.TemporaryFile() as messages, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages) as process:
        feeder = Feeder(process.stdin, lines)
        feeder.start()
        for line in process.stdout:
            yield line.decode().rstrip("\n")
        feeder.join()
        status = process.wait()
        messages.seek(0)
        text = messages.read().decode(errors="replace")
    sys.stderr.write(text)
    if status or feeder.error:
        raise RuntimeError(f"nearmiss {command[1]} exited with {status}: {text}") from feeder.error


class Feeder(threading.Thread):
    """Writes lines to a program while its output is read."""

    def __init__(self, stdin, lines):
        super().__init__(daemon=True)
        self.stdin, self.lines, self.error = stdin, lines, None

    def run(self):
        try:
            with self.stdin:
                for line in self.lines:
                    self.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            pass                     # the program ended early, and its exit code says why
        except BaseException as error:
            self.error = error


def program():
    """Returns the program that NEARMISS names, or that of the wheel, also where its folder is not on the path."""
    beside_python = pathlib.Path(sys.executable).parent / "nearmiss"
    found = os.environ.get("NEARMISS") or shutil.which(beside_python) or shutil.which("nearmiss")
    return found or sys.exit("nearmiss is not installed: pip install its wheel")


def record_types():
    """Returns Spark's types of the records, from the JSON Schema that nearmiss writes."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program(), "generate", folder], check=True)
        schema = json.loads((pathlib.Path(folder) / "nearmiss/record.schema.json").read_text())
    return {kind["properties"]["type"]["const"]: struct(kind) for kind in schema["oneOf"]}


def struct(schema):
    return types.StructType([types.StructField(name, spark_type(field)) for name, field in schema["properties"].items()])


def spark_type(schema):
    kind = schema.get("type", "string")
    if kind == "object" and "properties" in schema:
        return struct(schema)
    if kind == "object":
        return types.MapType(types.StringType(), spark_type(schema["additionalProperties"]))
    if kind == "array":
        return types.ArrayType(spark_type(schema["items"]))
    if schema.get("format") == "date-time":
        return types.TimestampType()
    if "const" in schema and isinstance(schema["const"], int):
        return types.LongType()
    return {"integer": types.LongType(), "number": types.DoubleType(), "boolean": types.BooleanType()}.get(kind, types.StringType())


if __name__ == "__main__":
    main()
