// Holds the mapping of records to OpenTelemetry logs to the golden file that the core's test writes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { dist } from "../support/runtimes.mjs";

const golden = JSON.parse(readFileSync(new URL("../otlp.golden.json", import.meta.url), "utf8"));
const byKey = ({ attributes, ...log }) => ({ ...log, attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, value])) });

test("records map to the golden log records", async () => {
  const { logRecord } = await import(`${dist}/src/log-record.js`);
  assert.ok(golden.length > 7);
  for (const { record, log } of golden) {
    const uid = log.attributes.find(({ key }) => key === "log.record.uid").value.stringValue;
    const nowMs = Number(BigInt(log.observedTimeUnixNano) / 1_000_000n);
    assert.deepEqual(byKey(logRecord(record, uid, nowMs)), byKey(log));
  }
});
