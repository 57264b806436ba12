#!/usr/bin/env python3
"""Validates records and configurations with the JSON Schemas that `nearmiss generate` writes.

    schemas.py target/debug/nearmiss"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

import libtest

ROOT = pathlib.Path(__file__).parent.parent.parent
NEARMISS = pathlib.Path(sys.argv.pop(1)).absolute()
GOLDEN = sorted(ROOT.glob("host-tests/scenarios/*.ndjson"))
SAMPLE = ROOT / "examples/logs/shop.log.gz"


def nearmiss(*arguments):
    return subprocess.run([NEARMISS, *arguments], capture_output=True, text=True)


def lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"schema":')]


def records():
    """Yields the records of the scenarios, of the sample log, of the formats' fixtures, and of a fleet."""
    for path in GOLDEN:
        yield from ((path.name, record) for record in lines(path.read_text()))
    for path in [SAMPLE, *sorted(ROOT.glob("filters/formats/fixtures/*.tsv"))]:
        yield from ((path.name, record) for record in lines(replay(path)))
    with tempfile.TemporaryDirectory() as folder:
        sample = pathlib.Path(folder) / "sample.ndjson"
        sample.write_text(replay(SAMPLE))
        merged = nearmiss("merge", "-q", "--max-bad", "100%", sample, *GOLDEN).stdout
    yield from (("merge", record) for record in lines(merged))


def replay(path):
    """Returns the records of a log, or of the lines in a fixture: the fourth column."""
    if path.suffix == ".gz":
        return nearmiss("replay", "-q", path).stdout
    rows = path.read_text().splitlines()
    name = next(row.removeprefix("# format: ") for row in rows if row.startswith("# format: "))
    log = "\n".join(row.split("\t", 3)[3] for row in rows if row.count("\t") >= 3 and not row.startswith("#"))
    command = [NEARMISS, "replay", "-q", "--max-bad", "100%", "-f", name, "-"]
    return subprocess.run(command, input=log, capture_output=True, text=True).stdout


def configurations():
    """Yields the configurations of the examples and of the scenarios."""
    for path in sorted(ROOT.glob("examples/**/*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield from ((path.name, config) for config in inside(document))
    for path in sorted(ROOT.glob("examples/**/nearmiss.json")):
        yield path.name, json.loads(path.read_text())
    for path in sorted(ROOT.glob("host-tests/scenarios/*.json")):
        yield path.name, json.loads(path.read_text()).get("config", {})


def inside(document):
    """Yields the configurations in a document: texts of Envoy, objects of Istio."""
    if isinstance(document, dict):
        if document.get("@type") == "type.googleapis.com/google.protobuf.StringValue":
            yield json.loads(document["value"])
        if "pluginConfig" in document:
            yield document["pluginConfig"]
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            yield from inside(value)


class Schemas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        subprocess.run([NEARMISS, "generate", cls.folder.name], check=True)

    def schema(self, name):
        schema = json.loads((pathlib.Path(self.folder.name) / f"nearmiss/{name}.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema)

    def assert_valid(self, schema, value, place):
        """Validates a record by the schema of its type, so that the error names the field."""
        kinds = {kind["properties"]["type"]["const"]: kind for kind in schema.schema.get("oneOf", [])}
        if kinds:
            schema = schema.evolve(schema=kinds[value["type"]])
        error = jsonschema.exceptions.best_match(schema.iter_errors(value))
        self.assertIsNone(error, f"{place}: {error}")

    def test_every_record_is_valid(self):
        schema = self.schema("record")
        seen = set()
        for place, record in records():
            self.assert_valid(schema, record, place)
            seen.update((record["type"], key) for key in record)
        self.assertGreater(len(seen), 50)

    def test_the_schema_has_the_keys_that_the_core_writes(self):
        def names(schema):
            for name, value in schema.get("properties", {}).items():
                yield name
                yield from names(value)
            if "items" in schema:
                yield from names(schema["items"])

        kinds = self.schema("record").schema["oneOf"]
        counts = {name for kind in kinds for key in ("fates", "signals", "burn_bp") for name in names(kind["properties"].get(key, {}))}
        sources = [*ROOT.glob("src/record/*.rs"), ROOT / "src/merge/write.rs"]
        written = {key for path in sources for key in re.findall(r'(?:key\(|parts\(json, )"(\w+)"', path.read_text())}
        self.assertEqual({name for kind in kinds for name in names(kind)} - counts, written - counts)

    def test_a_record_with_an_unknown_field_or_word_or_without_a_field_is_invalid(self):
        schema = self.schema("record")
        valid = {
            "schema": 1, "type": "exchange", "time": "2026-11-23T08:45:54.513Z", "upstream": "cart", "fate": "retried",
            "signals": ["retry"], "status": 200, "duration_ms": 42.46, "explain": "",
        }
        self.assert_valid(schema, valid, "the record")
        changes = [
            ("fate", "lucky"), ("signals", ["luck"]), ("margin_bp", 10_001), ("margin_bp", None), ("time", "yesterday"),
            ("schema", 2), ("type", "diary"), ("surprise", 1),
        ]
        for key, value in changes:
            self.assertFalse(schema.is_valid({**valid, key: value}), (key, value))
        for key in valid:
            record = copy.copy(valid)
            del record[key]
            self.assertFalse(schema.is_valid(record), key)

    def test_every_configuration_of_the_examples_and_scenarios_is_valid(self):
        schema = self.schema("config")
        found = list(configurations())
        self.assertGreater(len(found), 70)
        for place, config in found:
            self.assert_valid(schema, config, place)

    def test_schema_and_parser_agree_about_a_configuration(self):
        schema = self.schema("config")
        file = pathlib.Path(self.folder.name) / "config.json"
        for is_sound, configs in [(True, SOUND), (False, UNSOUND)]:
            for config in configs:
                file.write_text(json.dumps(config))
                self.assertEqual(nearmiss("check", "-c", file).returncode == 0, is_sound, config)
                self.assertEqual(schema.is_valid(config), is_sound, config)


SOUND = [
    {},
    {"upstreams": {"cart": {"timeout": "0.5s", "max_attempts": 4, "fallback_hosts": ["10.0.0.1:80"]}}},
    {"tight_margin": "12.5%", "hosts": "hashed", "hosts_key": "12345678", "budget": "0.1%"},
    {"ignore": {"user_agents": ["probe/"], "paths": ["/healthz"]}, "fields": {"ts": "time"}},
    {"reference": {"cart": {"since": "2026-11-23", "near_miss_bp": 12, "typical_ms": 42.1}}},
    {"envoy": {"collector": "otel"}, "fluent_bit": {"record": "body.access"}, "edge": {"inspect_bytes": 0}},
    {"envoy": {"collector": {"cluster": "otel", "timeout": "2s", "log": "none"}}},
]
UNSOUND = [
    [],
    {"upstream": {}},
    {"upstreams": {"cart": {"timeouts": "1s"}}},
    {"upstreams": {"cart": {"timeout": 5}}},
    {"upstreams": {"cart": {"max_attempts": 101}}},
    {"tight_margin": "10"},
    {"hosts": "hidden"},
    {"hosts_key": "1"},
    {"max_upstreams": 0},
    {"ignore": {"paths": [""]}},
    {"fields": {"ts": 1}},
    {"reference": {"cart": {"since": "2026-11-23"}}},
    {"envoy": {"mode": "fat"}},
    {"envoy": {"collector": {"path": "/v1/logs"}}},
    {"edge": {"header": "yes"}},
]


if __name__ == "__main__":
    libtest.main()
