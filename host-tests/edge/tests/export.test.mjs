// The OTLP sink: back-off, one request in flight, and what the endpoint rejects.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { logs, recordOf } from "../support/collector.mjs";
import { dist } from "../support/runtimes.mjs";
import { Simulation, otlp } from "../support/simulation.mjs";

const URL_ = "http://collector/v1/logs";

/** Runs `seconds` of failing traffic, 20 exchanges a second. Returns the times of the exports and the simulation. */
async function outage(answer, seconds, options = {}) {
  const times = [];
  let simulation;
  const fetch = async (request) => {
    times.push(simulation.nowMs);
    return answer(times.length, request);
  };
  const records = otlp({ url: URL_, batch: 10, queue: 100_000, fetch, ...options });
  simulation = new Simulation({ records, config: { records_per_second: 100 }, answer: () => new Response("no", { status: 503 }) });
  const start = simulation.nowMs;
  for (let number = 0; number < seconds * 20; number += 1) {
    await simulation.fetch("http://cart/");
    simulation.nowMs += 50;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { times: times.map((at) => at - start), simulation, records };
}

test("export: waits between failed exports double, with jitter, and the console says it once a minute", async () => {
  const { times, simulation } = await outage(() => new Response(null, { status: 503 }), 60);
  assert.ok(times.length >= 5 && times.length <= 8, String(times));
  const waits = times.slice(1).map((at, index) => at - times[index]);
  waits.forEach((wait, index) => assert.ok(wait >= 500 * 2 ** index && wait <= 1_000 * 2 ** index + 200, String(waits)));
  assert.deepEqual(simulation.warnings, ["nearmiss: the OTLP endpoint answered 503"]);
});

test("export: a refused connection is tried as rarely, and its cause is on the console", async () => {
  const refused = () => Promise.reject(Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } }));
  const { times, simulation } = await outage(refused, 10);
  assert.ok(times.length <= 5, String(times));
  assert.match(simulation.warnings[0], /could not be sent to the OTLP endpoint: ECONNREFUSED/);
});

test("export: the endpoint's Retry-After is honoured", async () => {
  const { times } = await outage((number) => new Response(null, number === 1 ? { status: 429, headers: { "retry-after": "30" } } : {}), 40);
  assert.ok(times[1] - times[0] >= 30_000 && times[1] - times[0] <= 30_200, String(times.slice(0, 3)));
});

test("export: after an outage all records are sent, one request at a time", async () => {
  let inFlight = 0;
  let sent = 0;
  const answer = async (number, request) => {
    inFlight += 1;
    assert.equal(inFlight, 1);
    await new Promise((resolve) => setImmediate(resolve));
    inFlight -= 1;
    if (number <= 3) return new Response(null, { status: 503 });
    sent += (await request.json()).resourceLogs[0].scopeLogs[0].logRecords.length;
    return new Response("{}");
  };
  const { simulation, records } = await outage(answer, 20);
  await simulation.monitor.finish();
  assert.equal(records.dropped, 0);
  assert.ok(sent >= 400, `${sent} are sent`);
});

test("export: a batch names the service, the run and the release, as that of the other filters does", async () => {
  let batch;
  const answer = async (_, request) => ((batch ??= await request.json()), new Response("{}"));
  await outage(answer, 2, { service: "shop" });
  const [{ resource, scopeLogs }] = batch.resourceLogs;
  assert.deepEqual(resource.attributes.map(({ key }) => key), ["service.name", "service.instance.id"]);
  assert.equal(resource.attributes[0].value.stringValue, "shop");
  const { version } = JSON.parse(await readFile(new URL("../../../filters/edge/package/package.json", import.meta.url), "utf8"));
  assert.deepEqual(scopeLogs[0].scope, { name: "nearmiss", version });
});

test("export: records that the endpoint rejects count as dropped, and the console says so", async () => {
  const partial = { partialSuccess: { rejectedLogRecords: "3", errorMessage: "too old" } };
  for (const [answer, dropped, message] of [
    [() => Response.json(partial), 3, /rejected 3 records: too old/],
    [() => Response.json({ partialSuccess: {} }), 0, undefined],
    [() => new Response("not JSON"), 0, undefined],
    [() => new Response(null, { status: 401 }), 1, /endpoint answered 401/],
    [() => new Response(null, { status: 404 }), 1, /endpoint answered 404/],
  ]) {
    const records = otlp({ url: URL_, fetch: async () => answer() });
    const simulation = new Simulation({ records, answer: () => new Response("no", { status: 503 }) });
    await simulation.fetch("http://cart/");
    await simulation.monitor.flush();
    assert.equal(records.dropped, dropped, String(answer));
    if (message === undefined) assert.deepEqual(simulation.warnings, []);
    else assert.match(simulation.warnings.join(), message);
  }
});

test("export: without a module, records wait as after a failed export", async () => {
  // This entry point has no module before `init`, and no monitor is attached.
  const [{ otlp, init }, sent] = [await import(join(dist, "init.js")), []];
  const records = otlp({ url: URL_, fetch: async (request) => (sent.push(...logs(await request.json())), new Response("{}")) });
  records.push("a line");
  await records.flush();
  assert.equal(sent.length, 0);
  init(await readFile(join(dist, "nearmiss.wasm")));
  await records.flush();
  assert.deepEqual([sent.length, records.dropped], [1, 0]);
});

test("export: records that wait when the module fails are sent", async (context) => {
  const sent = [];
  const records = otlp({ url: URL_, fetch: async (request) => (sent.push(...logs(await request.json())), new Response("{}")) });
  const simulation = new Simulation({ records, answer: () => new Response("no", { status: 503 }) });
  await simulation.fetch("http://cart/");
  const console_ = context.mock.method(console, "error", () => {});
  const trap = { valueOf() { throw new WebAssembly.RuntimeError("unreachable"); } };
  simulation.monitor.observe(simulation.monitor.upstream("cart"), trap, 200, 12);
  assert.equal(console_.mock.callCount(), 1);
  await simulation.monitor.flush();
  assert.equal(recordOf(sent[0]).upstream, "cart");
});

test("export: headers may be Headers, and a URL without http is refused", async () => {
  let authorization;
  const fetch = async (request) => ((authorization = request.headers.get("authorization")), new Response());
  const records = otlp({ url: URL_, headers: new Headers({ authorization: "Bearer x" }), fetch });
  const simulation = new Simulation({ records, answer: () => new Response("no", { status: 503 }) });
  await simulation.fetch("http://cart/");
  await simulation.monitor.flush();
  assert.equal(authorization, "Bearer x");
  for (const url of ["collector:4318/v1/logs", "ftp://collector/", "nowhere"]) assert.throws(() => otlp({ url }), /`url` is .*; it takes the http or https URL/);
  assert.throws(() => otlp({ url: URL_, headers: 7 }), /`headers` is 7/);
});
