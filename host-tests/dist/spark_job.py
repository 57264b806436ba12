"""Runs examples/spark on a Spark with executor processes of its own, from the environment that has pyspark and the wheel of nearmiss."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent.parent
BIN = pathlib.Path(sys.executable).parent
NEARMISS = BIN / "nearmiss"
JOB = ROOT / "examples/spark/nearmiss_spark.py"
SAMPLE = ROOT / "examples/logs/shop.log.gz"
ENVIRONMENT = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "PATH": f"{BIN}:{os.environ['PATH']}"}


def submit(logs, output, *options, executors=2, conf=()):
    """Runs the job until it ends, and returns what Spark logged. No process of it is left."""
    settings = {
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.default.parallelism": "4",
        "spark.sql.shuffle.partitions": "6", "spark.sql.adaptive.enabled": "false", "spark.local.dir": output.parent, **dict(conf),
    }
    command = [BIN / "spark-submit", "--master", f"local-cluster[{executors},1,1024]"]
    command += [word for setting in settings.items() for word in ("--conf", "{}={}".format(*setting))]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([*map(str, command), JOB, logs, output, *options], stdout=log, stderr=log, env=ENVIRONMENT, cwd=output.parent, start_new_session=True)
        try:
            status = process.wait()
        finally:
            stop_group(process.pid)
        log.seek(0)
        text = log.read()
    if status:
        raise AssertionError(f"spark-submit exited with {status}: {text[-4000:]}")
    return text


def stop_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def nearmiss(*arguments, stdin=None):
    done = subprocess.run([NEARMISS, *arguments], input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{arguments}: {done.stderr}")
    return done.stdout.splitlines()
