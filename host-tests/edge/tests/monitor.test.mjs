// The monitor: invalid input, notes, records and shutdown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Collector, logs } from "../support/collector.mjs";
import { Simulation, nearMiss, otlp } from "../support/simulation.mjs";

const AT = 1_795_423_554_000;
const counter = (monitor, name) => Number(monitor.metrics().split("\n").find((line) => line.startsWith(`${name} `)).split(" ")[1]);

test("monitor: invalid numbers are counted as invalid and have no other effect", () => {
  const { monitor } = new Simulation();
  const cart = monitor.upstream("cart");
  const invalidValues = [NaN, undefined, -1, Infinity, -Infinity, 1e300, "x", null, {}, -0.5];
  const valid = [cart, AT, 200, 12, 1];
  let invalid = 0;
  valid.forEach((_, index) => {
    for (const value of invalidValues) {
      // `null` converts to 0, and `undefined` attempts default to 1.
      if ((value === null && index !== 0) || (value === undefined && index === 4)) continue;
      monitor.observe(...valid.with(index, value));
      invalid += 1;
    }
  });
  for (const id of [0, 2, 1.5, 2 ** 32 + 1]) monitor.observe(id, AT, 200, 12, 1), (invalid += 1);
  for (const status of [200.5, 1_000]) monitor.observe(cart, AT, status, 12, 1), (invalid += 1);
  assert.equal(counter(monitor, "nearmiss_invalid_total"), invalid);
  assert.equal(monitor.observe(...valid), 0);
  assert.match(monitor.metrics(), /nearmiss_exchanges_total\{upstream="cart",fate="clean"\} 1\n/);
});

test("monitor: symbols and objects that throw are invalid too", () => {
  const { monitor } = new Simulation();
  const cart = monitor.upstream("cart");
  const thrower = { valueOf() { throw new Error("no"); } };
  monitor.observe(cart, thrower, 200, 12);
  monitor.observe(cart, AT, Symbol("x"), 12);
  assert.equal(counter(monitor, "nearmiss_invalid_total"), 2);
  monitor.observe(cart, AT, 200, 12);
  assert.match(monitor.metrics(), /nearmiss_exchanges_total\{upstream="cart",fate="clean"\} 1\n/);
});

test("monitor: long names are truncated but stay distinct, invalid ones are refused", () => {
  const simulation = new Simulation();
  const [a, b] = ["x".repeat(10_000) + "a", "x".repeat(10_000) + "b"].map((name) => simulation.monitor.upstream(name));
  assert.notEqual(a, b);
  for (const name of ["", undefined, 7, null]) assert.throws(() => simulation.monitor.upstream(name), /`upstream` is .*; it takes a name/);
  for (const id of [a, b]) simulation.monitor.observe(id, AT, 200, 1);
  const names = [...simulation.monitor.metrics().matchAll(/attempts_total\{upstream="([^"]+)"/g)].map(([, name]) => name);
  assert.equal(new Set(names).size, 2);
  assert.ok(names.every((name) => name.length <= 128));
});

test("monitor: upstreams beyond max_upstreams count as other", () => {
  const { monitor } = new Simulation({ config: { max_upstreams: 2 } });
  for (let number = 0; number < 1_000; number += 1) monitor.observe(monitor.upstream(`service-${number}`), AT, 200, 1);
  assert.match(monitor.metrics(), /nearmiss_exchanges_total\{upstream="other",fate="clean"\} 998\n/);
});

test("monitor: hostile names do not exceed the limits of metrics and records, and every exchange is counted", async () => {
  const [exchanges, limit] = [5_000, 20];
  const simulation = new Simulation({ config: { max_upstreams: limit }, answer: () => new Response(null, { status: 503 }) });
  for (let number = 0; number < exchanges; number += 1) {
    const long = `${number}-${"x".repeat(2_000)}`;
    await simulation.monitor.fetch(`http://${number}.test/`, { upstream: long, route: long });
  }
  const metrics = simulation.monitor.metrics();
  const counts = [...metrics.matchAll(/nearmiss_exchanges_total\{upstream="([^"]*)",fate="failed"\} (\d+)/g)];
  assert.equal(counts.length, limit + 1);
  assert.equal(counts.reduce((sum, [, , count]) => sum + Number(count), 0), exchanges);
  assert.equal(Number(counts.find(([, name]) => name === "other")[2]), exchanges - limit);
  assert.ok(metrics.length < 100_000, `${metrics.length} characters of metrics`);
  // The clock stands still, so each of the twenty upstreams emits one record, and `other` at most twenty.
  assert.ok(simulation.records.length <= 2 * limit, `${simulation.records.length} records`);
});

test("monitor: an invalid configuration is refused with the field, its value and the accepted values", () => {
  assert.throws(() => nearMiss({ config: { edge: { header: 1 } } }), { name: "TypeError", message: "nearmiss: `edge.header` is 1; it takes true or false" });
  assert.throws(() => nearMiss({ config: { edge: { headers: true } } }), /`edge.headers` is not a field; there are header, server_timing, inspect_bytes/);
  assert.throws(() => nearMiss({ config: "{" }), /the configuration is not JSON/);
  assert.throws(() => nearMiss({ recrods: "none" }), /`recrods` is not an option of nearMiss; the options are config/);
  assert.throws(() => nearMiss({ records: 7 }), /`records` is 7; it takes "console"/);
});

test("monitor: a new configuration keeps the counters, an invalid one changes nothing", async () => {
  const simulation = new Simulation({ answer: () => new Response("no", { status: 503 }) });
  await simulation.fetch("http://cart/");
  assert.throws(() => simulation.monitor.reconfigure({ hosts: "secret" }));
  simulation.monitor.reconfigure({ edge: { header: true } });
  const { headers } = await simulation.fetch("http://cart/");
  assert.equal(headers.get("near-miss"), "failed");
  await simulation.monitor.finish();
  assert.equal(simulation.records.find(({ type }) => type === "summary").fates.failed, 2);
});

test("monitor: notes set the fields of a wrapped handler's exchange", async () => {
  const simulation = new Simulation();
  const handler = simulation.monitor.wrap(async (request) => {
    simulation.monitor.note(request, { upstream: "llm", maxAttempts: 3, timeout: 1_000 });
    simulation.monitor.note(request, { attempt: { host: "a:443", status: 529, durationMs: 20 } });
    simulation.monitor.note(request, { attempt: { host: "b:443", status: 200, durationMs: 30 }, fallback: true });
    return new Response("hello");
  });
  await (await handler(new Request("http://gateway/"))).text();
  const [record] = simulation.records;
  assert.deepEqual([record.upstream, record.fate, record.attempts, record.host], ["llm", "fallback", 2, "b:443"]);
  assert.deepEqual(record.signals, ["retry", "fallback"]);
});

test("monitor: a handler that throws counts as a 500, and its error is passed on", async () => {
  const simulation = new Simulation();
  const handler = simulation.monitor.wrap(() => Promise.reject(new Error("mine")), { upstream: "llm" });
  await assert.rejects(handler(new Request("http://gateway/")), { message: "mine" });
  assert.deepEqual([simulation.records[0].fate, simulation.records[0].status], ["failed", 500]);
});

test("monitor: an invalid note is counted and named, the rest of it holds, and nothing is thrown", async () => {
  const simulation = new Simulation();
  const { monitor } = simulation;
  const handler = monitor.wrap((request) => {
    monitor.note(request, { retried: true, host: "a:80" });
    monitor.note(request, { attempt: { status: "200", durationMs: 3 } });
    monitor.note(request, { attempt: { status: 503, durationMs: NaN } });
    for (const note of [undefined, null, 7]) monitor.note(request, note);
    for (const other of [new Request("http://other/"), undefined, null, 7]) monitor.note(other, {});
    return new Response(null, { status: 204 });
  }, { upstream: "llm" });
  assert.equal((await handler(new Request("http://gateway/"))).status, 204);
  assert.equal(counter(monitor, "nearmiss_invalid_total"), 10);
  assert.match(simulation.warnings.join("\n"), /`retried` is not an option of note[^]*`status` of attempt is "200"; it takes a status[^]*`durationMs` of attempt is NaN[^]*note takes an object[^]*takes the request/);
  assert.deepEqual([simulation.records[0].attempts, simulation.records[0].host], [2, "a:80"]);
});

test("monitor: a note that comes after the end of its exchange is counted as invalid", async () => {
  const simulation = new Simulation();
  let request;
  const handler = simulation.monitor.wrap((incoming) => ((request = incoming), new Response("hello")), { upstream: "llm" });
  await (await handler(new Request("http://gateway/"))).text();
  simulation.monitor.note(request, { fallback: true });
  assert.equal(counter(simulation.monitor, "nearmiss_invalid_total"), 1);
});

test("monitor: records contain nothing of a request but its route", async () => {
  const secret = "s3cr3t";
  const simulation = new Simulation({ answer: () => new Response(secret, { status: 503, headers: { "x-of-origin": secret } }) });
  await simulation.fetch(new Request(`http://cart.internal/${secret}?q=${secret}`, { headers: { authorization: secret, cookie: secret } }), { route: `items?${secret}` });
  await simulation.monitor.finish();
  assert.ok(simulation.records.length >= 2);
  assert.ok(!JSON.stringify(simulation.records).includes(secret), JSON.stringify(simulation.records));
});

test("monitor: a module that traps is disabled, and traffic is not affected", async () => {
  const simulation = new Simulation();
  const messages = [];
  const error = console.error;
  console.error = (...args) => messages.push(args.join(" "));
  try {
    const cart = simulation.monitor.upstream("cart");
    const trap = { valueOf() { throw new WebAssembly.RuntimeError("unreachable"); } };
    simulation.monitor.observe(cart, trap, 200, 12);
    const { text } = await simulation.fetch("http://cart/");
    assert.equal(text, "hello");
  } finally {
    console.error = error;
  }
  assert.equal(messages.length, 1);
  assert.match(messages[0], /the module failed and is now disabled/);
});

test("otlp: records are sent in batches in OTLP's JSON encoding", async () => {
  const collector = await Collector.start();
  try {
    const records = otlp({ url: `http://${collector.address}/v1/logs`, service: "shop", headers: { authorization: "Bearer x" }, delay: 1_000 });
    const waiting = [];
    const simulation = new Simulation({ records, answer: () => new Response("no", { status: 503 }) });
    const ctx = { waitUntil: (promise) => waiting.push(promise) };
    await simulation.fetch("http://10.0.0.7:8080/", { ctx, traceId: "0af7651916cd43dd8448eb211c80319c", route: "items" });
    assert.equal(collector.requests.length, 0, "a batch waits for its delay");
    simulation.nowMs += 1_000;
    await simulation.fetch("http://10.0.0.7:8080/", { ctx });
    await Promise.all(waiting);
    assert.equal(collector.requests.length, 1);
    const [{ path, headers, body }] = collector.requests;
    assert.deepEqual([path, headers.authorization, headers["content-type"]], ["/v1/logs", "Bearer x", "application/json"]);
    const [service, instance] = body.resourceLogs[0].resource.attributes;
    assert.deepEqual(service, { key: "service.name", value: { stringValue: "shop" } });
    assert.equal(instance.key, "service.instance.id");
    const [first, second] = logs(body);
    assert.equal(first.timeUnixNano, `${AT}000000`);
    assert.match(first.observedTimeUnixNano, /^\d{19}$/);
    assert.deepEqual([first.severityNumber, first.severityText, first.eventName], [9, "INFO", "nearmiss.exchange"]);
    assert.equal(first.traceId, "0af7651916cd43dd8448eb211c80319c");
    assert.equal(second.traceId, undefined);
    const attribute = (key) => first.attributes.find((found) => found.key === key)?.value;
    assert.match(attribute("log.record.uid").stringValue, /^[0-9a-f-]{36}-1$/);
    assert.deepEqual(attribute("service.peer.name"), { stringValue: "cart" });
    assert.deepEqual(attribute("nearmiss.fate"), { stringValue: "failed" });
    assert.deepEqual(attribute("http.response.status_code"), { intValue: "503" });
    assert.deepEqual(attribute("network.peer.address"), { stringValue: "10.0.0.7" });
    assert.deepEqual(attribute("network.peer.port"), { intValue: "8080" });
    assert.deepEqual(attribute("http.route"), { stringValue: "items" });
    assert.deepEqual(attribute("nearmiss.duration_ms"), { doubleValue: 0 });
    assert.deepEqual(attribute("nearmiss.signals"), { arrayValue: { values: [{ stringValue: "failed" }] } });
    assert.equal(attribute("error.type"), undefined);
  } finally {
    await collector.stop();
  }
});

test("otlp: records are sent again after an outage of the endpoint, and those beyond the queue are counted as dropped", async () => {
  const collector = await Collector.start();
  try {
    const records = otlp({ url: `http://${collector.address}/v1/logs`, batch: 1, queue: 3 });
    const simulation = new Simulation({ records, answer: () => new Response("no", { status: 503 }) });
    collector.status = 503;
    for (let number = 0; number < 5; number += 1) {
      await simulation.fetch("http://cart/");
      await simulation.monitor.flush();
    }
    assert.equal(collector.records.length, 0);
    collector.status = 200;
    await simulation.monitor.finish();
    const kept = collector.records.length;
    assert.ok(kept >= 3, `${kept} were kept`);
    assert.equal(kept + counter(simulation.monitor, "nearmiss_dropped_total"), 6, "five exchanges and a summary");
  } finally {
    await collector.stop();
  }
});
