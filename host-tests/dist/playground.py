#!/usr/bin/env python3
"""Runs the playground, waits for the first near miss in Prometheus, stops it as Ctrl-C does, and looks for what is left.

    playground.py ENVOY"""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request

import yaml

import libtest

ROOT = pathlib.Path(__file__).parent.parent.parent
PLAYGROUND = ROOT / "examples/playground"
ENVOY = str(pathlib.Path(sys.argv.pop(1)).absolute())
TIMEOUT = 120


def get(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read().decode()


def eventually(what, test):
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        found = test()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {TIMEOUT} s for {what}")


def processes(group_leader):
    """Returns the command lines of all processes below the playground: it names their folder or is their ancestor."""
    listed = subprocess.check_output(["ps", "-eo", "pid=,ppid=,args="], text=True)
    rows = [line.split(None, 2) for line in listed.splitlines()]
    family = {group_leader}
    for _ in rows:
        family |= {int(pid) for pid, parent, *_ in rows if int(parent) in family}
    return [args for pid, _, args in rows if int(pid) in family]


class Playground(unittest.TestCase):
    def test_it_shows_near_misses_and_leaves_no_process_after_ctrl_c(self):
        command = [sys.executable, PLAYGROUND / "run", "--envoy", ENVOY, "--free-ports"]
        playground = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(playground.stdout.close)
        self.addCleanup(playground.wait)
        self.addCleanup(playground.kill)
        lines = []
        for line in playground.stdout:
            lines.append(line)
            if "Ctrl-C stops everything" in line:
                break
        welcome = "".join(lines)
        page, = re.findall(r"http://\S+/consoles/nearmiss\.html", welcome)
        folder, = re.findall(r"nearmiss report (\S+)/Envoy\.log", welcome)
        prometheus = page.rsplit("/consoles", 1)[0]

        def near_misses():
            query = 'sum by (upstream) (nearmiss_exchanges_total{fate=~"retried|fallback|stale|tight"})'
            found = json.loads(get(f"{prometheus}/api/v1/query?query={urllib.parse.quote(query)}"))
            return {row["metric"]["upstream"] for row in found["data"]["result"]}

        eventually("the first near miss", near_misses)
        eventually("near misses of every upstream", lambda: near_misses() >= {"cart", "search", "payments", "catalog", "geocoder"})
        shown = eventually("the page to show rates", lambda: (text := get(page)).count("scope=\"row\"") > 8 and "×" in text and text)
        for word in ("cart", "retried", "fallback", "stale", "tight"):
            self.assertIn(word, shown)
        self.assertNotIn("error", shown.lower())
        rules = json.loads(get(f"{prometheus}/api/v1/rules"))["data"]["groups"]
        self.assertEqual([rule["name"] for group in rules for rule in group["rules"] if rule["health"] == "err"], [])
        running = processes(playground.pid)
        self.assertTrue(any("envoy" in args for args in running) and any("prometheus" in args for args in running), running)

        playground.send_signal(signal.SIGINT)
        rest = playground.stdout.read()
        self.assertEqual(playground.wait(30), 0, rest)
        self.assertIn("Stopped", rest)
        listed = subprocess.check_output(["ps", "-eo", "args="], text=True)
        self.assertEqual([line for line in listed.splitlines() if folder in line], [])
        self.assertFalse(pathlib.Path(folder).exists())

    def test_a_missing_program_is_reported_in_one_line(self):
        command = [sys.executable, PLAYGROUND / "run", "--envoy", "/nowhere/envoy", "--free-ports"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "playground: /nowhere/envoy is missing; `make playground` installs Envoy\n")

    def test_compose_accepts_the_file_and_every_mounted_path_exists(self):
        compose = shutil.which("docker-compose") or self.fail("docker-compose is missing")
        subprocess.run([compose, "-f", PLAYGROUND / "compose.yaml", "config", "-q"], check=True)
        services = yaml.safe_load((PLAYGROUND / "compose.yaml").read_text())["services"]
        self.assertEqual(set(services), {"envoy", "grafana", "origins", "prometheus", "traffic"})
        named = re.findall(r"examples/[\w./-]+", (PLAYGROUND / "compose.yaml").read_text())
        self.assertGreater(len(named), 5)
        for path in named:
            self.assertTrue((ROOT / path).exists(), path)
        dashboards = yaml.safe_load((PLAYGROUND / "grafana/dashboards/nearmiss.yaml").read_text())
        self.assertEqual(dashboards["providers"][0]["options"]["path"], "/nearmiss/examples/grafana")


if __name__ == "__main__":
    libtest.main()
