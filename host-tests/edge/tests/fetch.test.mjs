// `monitor.fetch` in simulated time.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { dist } from "../support/runtimes.mjs";
import { Simulation } from "../support/simulation.mjs";

const { clientAttempt } = await import(join(dist, "src/client-attempt.js"));
const { responseFields } = await import(join(dist, "src/response-fields.js"));

const URL_ = "http://cart.internal:8080/items";
const bad = (headers = {}) => new Response("no", { status: 503, headers });
const goodFrom = (first, headers) => (number) => (number < first ? bad(headers) : new Response("hello"));

test("fetch: with a random value of one half, waits are half of a bound that doubles up to the cap", async () => {
  const simulation = new Simulation({ answer: goodFrom(6) });
  await simulation.fetch(URL_, { retries: 5, backoff: { base: 100, cap: 400 } });
  assert.deepEqual(simulation.times, [0, 50, 150, 350, 550, 750]);
});

test("fetch: Retry-After is respected in seconds and as a date, and ignored if it is invalid", async () => {
  for (const [value, wait] of [["7", 7_000], ["Mon, 23 Nov 2026 08:46:00 GMT", 6_000], ["soon", 12.5]]) {
    const simulation = new Simulation({ answer: goodFrom(2, { "retry-after": value }) });
    await simulation.fetch(URL_, { retries: 1 });
    assert.equal(simulation.times[1], wait, value);
  }
});

test("fetch: if the wait that the upstream asks for does not fit, its answer stands at once", async () => {
  for (const [value, options] of [["7", { deadline: 1_000 }], ["11", {}], ["7", { maxRetryAfter: 6_000 }], ["9".repeat(30), {}], ["Fri, 31 Dec 9999 23:59:59 GMT", {}]]) {
    const simulation = new Simulation({ answer: goodFrom(2, { "retry-after": value }) });
    const { status, headers } = await simulation.fetch(URL_, { retries: 1, ...options });
    assert.deepEqual([status, headers.get("retry-after"), simulation.sent.length, simulation.nowMs - simulation.sent[0].at], [503, value, 1, 0]);
  }
});

test("fetch: if the wait does not fit, the fallback answers", async () => {
  const simulation = new Simulation({ answer: goodFrom(2, { "retry-after": "60" }) });
  const { text } = await simulation.fetch(URL_, { retries: 1, deadline: 1_000, fallback: () => new Response("spare") });
  assert.deepEqual([text, simulation.sent.length, simulation.records[0].fate], ["spare", 1, "fallback"]);
});

test("fetch: a POST is sent once unless retryUnsafe is set", async () => {
  for (const [retryUnsafe, sent] of [[false, 1], [true, 3]]) {
    const simulation = new Simulation({ answer: () => bad() });
    await simulation.fetch(new Request(URL_, { method: "POST", body: "x", headers: { "content-length": "1" } }), { retries: 2, retryUnsafe });
    assert.equal(simulation.sent.length, sent);
  }
});

test("fetch: a short body is sent again, with a known length or without, and a long one is not", async () => {
  const put = (body, length) => new Request(URL_, { method: "PUT", body, duplex: "half", headers: length ? { "content-length": `${length}` } : {} });
  const stream = () => new Blob(["apples"]).stream();
  for (const [request, sent] of [[put("apples", 6), ["apples", "apples"]], [put(stream()), ["apples", "apples"]], [put("apples"), ["apples", "apples"]], [put("x".repeat(9)), ["x".repeat(9)]], [put("x".repeat(9), 9), ["x".repeat(9)]]]) {
    const simulation = new Simulation({ answer: goodFrom(2) });
    await simulation.fetch(request, { retries: 1, replayBytes: 8 });
    assert.deepEqual(simulation.sent.map(({ body }) => body), sent);
  }
});

test("fetch: retries do not exceed their share of traffic", async () => {
  const simulation = new Simulation({ answer: () => bad(), retryBudget: 0.1 });
  for (let number = 0; number < 200; number += 1) await simulation.fetch(URL_, { retries: 3 });
  // The budget starts with ten retries, and each ten exchanges earn one.
  assert.equal(simulation.sent.length - 200, 10 + 200 / 10 - 1);
  const last = simulation.records.filter(({ type }) => type === "exchange").at(-1);
  assert.ok(last.signals.includes("breaker"), JSON.stringify(last));
});

test("fetch: a hedge that was not needed is cancelled and not counted", async () => {
  let answerFirst;
  const first = new Promise((resolve) => (answerFirst = resolve));
  const answer = (number) => (number === 1 ? first : void answerFirst(new Response("hello")));
  const simulation = new Simulation({ answer });
  const { text } = await simulation.fetch(URL_, { hedge: 100 });
  assert.deepEqual([text, simulation.sent.length, simulation.records.length], ["hello", 2, 0]);
  assert.ok(simulation.sent[1].request.signal.aborted);
  assert.match(simulation.monitor.metrics(), /nearmiss_attempts_total\{upstream="cart"\} 1\n/);
});

test("fetch: if the hedge fails first, the first attempt continues", async () => {
  let answerFirst;
  const first = new Promise((resolve) => (answerFirst = resolve));
  const simulation = new Simulation({
    answer: (number) => {
      if (number === 1) return first;
      setImmediate(() => answerFirst(new Response("hello")));
      return bad();
    },
  });
  const { status, text } = await simulation.fetch(URL_, { hedge: 100 });
  assert.deepEqual([status, text, simulation.sent.length], [200, "hello", 2]);
  const [record] = simulation.records.filter(({ type }) => type === "exchange");
  assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [503, 200]);
});

test("fetch: an attempt that hangs lasts for its timeout, and the next one is timed separately", async () => {
  const simulation = new Simulation({ answer: (number) => (number === 1 ? undefined : new Response("hello")) });
  await simulation.fetch(URL_, { timeout: 400, retries: 1 });
  const [record] = simulation.records;
  assert.deepEqual(record.attempt_log.map(({ duration_ms }) => duration_ms), [400, 0]);
  assert.deepEqual([record.duration_ms, record.fate], [412.5, "retried"]);
});

test("fetch: if the fallback fails, the upstream's response is returned", async () => {
  const simulation = new Simulation({ answer: () => bad() });
  const { status, text } = await simulation.fetch(URL_, { fallback: () => Promise.reject(new Error("no")) });
  assert.deepEqual([status, text], [503, "no"]);
  assert.equal(simulation.records[0].fate, "failed");
});

test("fetch: a fallback may be a URL, a request, a response or a function", async () => {
  const spare = "http://spare/";
  for (const fallback of [spare, new URL(spare), new Request(spare), new Response("spare"), () => new Response("spare")]) {
    const simulation = new Simulation({ answer: (_, { url }) => (url === spare ? new Response("spare") : bad()) });
    const { text } = await simulation.fetch(URL_, { fallback });
    assert.equal(text, "spare");
    assert.equal(simulation.records[0].fate, "fallback");
  }
});

test("fetch: if the caller aborts, fetch rejects and the exchange counts as aborted", async () => {
  const caller = new AbortController();
  const simulation = new Simulation({ answer: () => void setImmediate(() => caller.abort()) });
  await assert.rejects(simulation.fetch(new Request(URL_, { signal: caller.signal }), { retries: 2 }), { name: "AbortError" });
  await simulation.monitor.finish();
  const [summary] = simulation.records;
  assert.deepEqual([summary.fates.clean, summary.signals], [1, { aborted: 1 }]);
  assert.equal(simulation.sent.length, 1);
});

test("fetch: the margin is that of the nearest limit, and a tight one is in the headers", async () => {
  const simulation = new Simulation({ config: { edge: { header: true, server_timing: true } }, answer: () => new Promise((resolve) => (simulation.answerLate = () => resolve(new Response("hello")))) });
  const fetched = simulation.monitor.fetch(URL_, { upstream: "cart", timeout: 500, deadline: 2_000 });
  await new Promise((resolve) => setImmediate(resolve));
  simulation.nowMs += 480;
  simulation.answerLate();
  const response = await fetched;
  assert.equal(response.headers.get("near-miss"), "tight;margin=4, timeout");
  assert.equal(response.headers.get("server-timing"), 'near-miss;desc="tight;margin=4, timeout";dur=480.0');
});

test("fetch: response headers set the fate", async () => {
  for (const [headers, fate] of [
    [{ "cache-status": "C; fwd=stale; fwd-status=503" }, "stale"],
    [{ warning: '111 - "x"' }, "stale"],
    [{ "proxy-status": "p; error=connection_timeout" }, "partial"],
    [{ "x-fallback": "1" }, "fallback"],
    [{ "x-ratelimit-limit": "100", "x-ratelimit-remaining": "3" }, "tight"],
    [{ ratelimit: '"hour";r=900, "burst";r=5', "ratelimit-policy": '"burst";q=100,"hour";q=1000' }, "tight"],
    [{ ratelimit: "limit=100, remaining=5" }, "tight"],
    [{ "content-type": "application/grpc", "grpc-status": "14" }, "partial"],
  ]) {
    const simulation = new Simulation({ config: { fallback_header: "X-Fallback" }, answer: () => new Response("hello", { headers }) });
    await simulation.fetch(URL_);
    assert.equal(simulation.records[0]?.fate, fate, JSON.stringify(headers));
  }
});

test("fetch: headers are read as in Envoy's modules", async () => {
  const cases = JSON.parse(await readFile(new URL("../../../tests/headers.json", import.meta.url), "utf8"));
  for (const { headers: table, reads } of cases) {
    const headers = new Headers(table);
    const { quotaLimit, quotaRemaining, stale, grpcStatus, stream } = responseFields({ headers }, {});
    const quota = quotaLimit === undefined ? undefined : [quotaLimit, quotaRemaining];
    const found = { quota, client_attempt: clientAttempt(headers), stale, grpc_status: grpcStatus, stream };
    assert.deepEqual(JSON.parse(JSON.stringify(found)), reads, JSON.stringify(table));
  }
});

test("fetch: a client's retry is recognised by its headers", async () => {
  for (const headers of [{ "grpc-previous-rpc-attempts": "1" }, { "x-stainless-retry-count": "1" }, { "amz-sdk-request": "attempt=2; max=3" }, { "x-envoy-attempt-count": "2" }]) {
    const simulation = new Simulation();
    await simulation.fetch(new Request(URL_, { headers }));
    assert.equal(simulation.records[0]?.fate, "client_retried", JSON.stringify(headers));
  }
});

test("fetch: bodies are inspected only if enabled, up to the configured size", async () => {
  const json = JSON.stringify({ data: {}, errors: [{}] });
  const multi = '<d:multistatus><d:status>HTTP/1.1 423 Locked</d:status></d:multistatus>';
  const cases = [
    [0, json, 200, "application/json", undefined],
    [json.length, json, 200, "application/json", "partial"],
    [json.length - 1, json, 200, "application/json", undefined],
    [1_000, '{"data":null,"errors":[{}]}', 200, "application/json", undefined],
    [1_000, json, 200, "text/plain", undefined],
    [1_000, multi, 207, "application/xml", "partial"],
    [1_000, multi.replace("423", "200"), 207, "application/xml", undefined],
    [1_000, '[{"status":404}]', 207, "application/json", "partial"],
  ];
  for (const [inspect_bytes, body, status, type, fate] of cases) {
    const simulation = new Simulation({ config: { edge: { inspect_bytes } }, answer: () => new Response(body, { status, headers: { "content-type": type } }) });
    const { text } = await simulation.fetch(URL_);
    assert.equal(text, body);
    assert.equal(simulation.records[0]?.fate, fate, `${inspect_bytes} ${body}`);
  }
});

test("fetch: invalid options are refused by name", async () => {
  const simulation = new Simulation();
  for (const [options, message] of [
    [{}, /`upstream` is undefined; it takes a name/],
    [{ upstream: "cart", retries: -1 }, /`retries` is -1; it takes a whole number, 0 to 20/],
    [{ upstream: "cart", timeout: NaN }, /`timeout` is NaN; it takes milliseconds/],
    [{ upstream: "cart", deadline: Infinity }, /`deadline` is Infinity/],
    [{ upstream: "cart", fallback: "nowhere" }, /`fallback` is "nowhere"; it takes a URL/],
    [{ upstream: "cart", tries: 3 }, /`tries` is not an option of fetch; the options are upstream/],
  ]) {
    await assert.rejects(simulation.monitor.fetch(URL_, options), { name: "TypeError", message });
  }
  assert.equal(simulation.sent.length, 0);
});
