// The log records of the OTLP sink say what the lines of other sinks say. How a field maps is the core's (`tests/otlp.rs`).
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { logs, recordOf } from "../support/collector.mjs";
import { dist } from "../support/runtimes.mjs";
import { Simulation, otlp } from "../support/simulation.mjs";

/** Returns a sink, and the log records that it has sent; `create` is the `otlp` of an entry point. */
function sink(create = otlp) {
  const sent = [];
  const fetch = async (request) => (sent.push(...logs(await request.json())), new Response("{}"));
  return { records: create({ url: "http://collector/v1/logs", fetch }), sent };
}

/** Runs traffic with records of all types. Returns those of a sink of lines. */
async function traffic(options) {
  const answer = (number) => new Response("", { status: number > 1_000 && number % 2 > 0 ? 503 : 200 });
  const simulation = new Simulation({ answer, config: { summary_every: "10m" }, ...options });
  for (let number = 0; number < 1_200; number += 1) {
    await simulation.fetch("http://[2001:db8::7]:8080/", { route: number % 3 ? "items" : 'a"},b\\é' });
    simulation.nowMs += 500;
  }
  await simulation.monitor.finish();
  return simulation.records;
}

test("otlp: a log record has the fields of the line, whichever entry point has created the sink", async () => {
  const lines = await traffic();
  assert.deepEqual(new Set(lines.map(({ type }) => type)), new Set(["exchange", "episode", "summary"]));
  for (const entry of ["inline.js", "inline.cjs", "init.cjs"]) {
    const { records, sent } = sink((await import(join(dist, entry))).otlp);
    await traffic({ records });
    assert.equal(sent.length, lines.length, entry);
    for (const [index, { schema, ...fields }] of lines.entries()) assert.deepEqual(recordOf(sent[index]), { explain: fields.type, schema, ...fields });
  }
});

test("otlp: any other sink gets the line alone", async () => {
  const [calls, lines] = [[], []];
  await traffic({ records: (...call) => calls.push(call) });
  await traffic({ records: { push: (...call) => calls.push(call), attach: () => assert.fail("a method of the sink's own") } });
  await traffic({ records: lines });
  assert.deepEqual(new Set(calls.map(({ length }) => length)), new Set([1]));
  assert.equal(calls.length, 2 * lines.length);
  assert.ok(lines.every((line) => typeof line === "string"));
});

test("otlp: two monitors may share a sink, and each log record has its own number", async () => {
  const { records, sent } = sink();
  await traffic({ records });
  const one = sent.length;
  await traffic({ records });
  const uids = new Set(sent.map(({ attributes }) => attributes.find(({ key }) => key === "log.record.uid").value.stringValue));
  assert.deepEqual([sent.length, uids.size], [2 * one, 2 * one]);
});

test("otlp: a line that the caller pushes is sent as it is", async () => {
  const { records, sent } = sink();
  records.push('{"a":"line"}');
  await records.flush();
  const [{ body, attributes, timeUnixNano }] = sent;
  assert.deepEqual(body, { stringValue: '{"a":"line"}' });
  assert.match(timeUnixNano, /^\d{19}$/);
  assert.match(attributes[0].value.stringValue, /^[0-9a-f-]{36}-1$/);
});
