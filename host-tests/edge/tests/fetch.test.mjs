// The fetch, in a world where time is the test's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../support/world.mjs";

const URL_ = "http://cart.internal:8080/items";
const bad = (headers = {}) => new Response("no", { status: 503, headers });
const goodFrom = (turn, headers) => (now) => (now < turn ? bad(headers) : new Response("hello"));

test("fetch: waits are half of a bound that doubles and ends, when the dice say half", async () => {
  const world = new World({ answers: goodFrom(6) });
  await world.fetch(URL_, { retries: 5, backoff: { base: 100, cap: 400 } });
  assert.deepEqual(world.times, [0, 50, 150, 350, 550, 750]);
});

test("fetch: Retry-After is waited for in seconds and as a date, and one that makes no sense is not", async () => {
  for (const [value, wait] of [["7", 7_000], ["Mon, 23 Nov 2026 08:46:00 GMT", 6_000], ["soon", 12.5]]) {
    const world = new World({ answers: goodFrom(2, { "retry-after": value }) });
    await world.fetch(URL_, { retries: 1 });
    assert.equal(world.times[1], wait, value);
  }
});

test("fetch: a wait longer than the deadline ends with the deadline", async () => {
  const world = new World({ answers: goodFrom(2, { "retry-after": "7" }) });
  const { status } = await world.fetch(URL_, { retries: 1, deadline: 1_000 });
  assert.deepEqual([status, world.sent.length, world.nowMs - world.sent[0].at], [504, 1, 1_000]);
});

test("fetch: POST goes out once, unless told", async () => {
  for (const [retryUnsafe, sent] of [[false, 1], [true, 3]]) {
    const world = new World({ answers: () => bad() });
    await world.fetch(new Request(URL_, { method: "POST", body: "x", headers: { "content-length": "1" } }), { retries: 2, retryUnsafe });
    assert.equal(world.sent.length, sent);
  }
});

test("fetch: a short body is sent again whole, a long one or one of unknown length is not sent again", async () => {
  const put = (body, length) => new Request(URL_, { method: "PUT", body, duplex: "half", headers: length ? { "content-length": `${length}` } : {} });
  const stream = () => new Blob(["apples"]).stream();
  for (const [request, sent] of [[put("apples", 6), ["apples", "apples"]], [put(stream()), ["apples"]], [put("x".repeat(9), 9), ["x".repeat(9)]]]) {
    const world = new World({ answers: goodFrom(2) });
    await world.fetch(request, { retries: 1, replayBytes: 8 });
    assert.deepEqual(world.sent.map(({ body }) => body), sent);
  }
});

test("fetch: retries cost at most their share of traffic", async () => {
  const world = new World({ answers: () => bad(), retryBudget: 0.1 });
  for (let number = 0; number < 200; number += 1) await world.fetch(URL_, { retries: 3 });
  // Ten are saved up at the start, and one in ten is earned.
  assert.equal(world.sent.length - 200, 10 + 200 / 10 - 1);
  const last = world.records.filter(({ type }) => type === "exchange").at(-1);
  assert.ok(last.signals.includes("breaker"), JSON.stringify(last));
});

test("fetch: a hedge that was not needed after all is not counted, and is let go", async () => {
  let answerFirst;
  const first = new Promise((resolve) => (answerFirst = resolve));
  const answers = (turn) => (turn === 1 ? first : void answerFirst(new Response("hello")));
  const world = new World({ answers });
  const { text } = await world.fetch(URL_, { hedge: 100 });
  assert.deepEqual([text, world.sent.length, world.records.length], ["hello", 2, 0]);
  assert.ok(world.sent[1].request.signal.aborted);
  assert.match(world.monitor.metrics(), /nearmiss_attempts_total\{upstream="cart"\} 1\n/);
});

test("fetch: when a hedge fails first, the attempt it was to help is waited for", async () => {
  let answerFirst;
  const first = new Promise((resolve) => (answerFirst = resolve));
  const world = new World({
    answers: (turn) => {
      if (turn === 1) return first;
      setImmediate(() => answerFirst(new Response("hello")));
      return bad();
    },
  });
  const { status, text } = await world.fetch(URL_, { hedge: 100 });
  assert.deepEqual([status, text, world.sent.length], [200, "hello", 2]);
  const [record] = world.records.filter(({ type }) => type === "exchange");
  assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [503, 200]);
});

test("fetch: an attempt that hangs uses all of its timeout, and the next one is measured by itself", async () => {
  const world = new World({ answers: (turn) => (turn === 1 ? undefined : new Response("hello")) });
  await world.fetch(URL_, { timeout: 400, retries: 1 });
  const [record] = world.records;
  assert.deepEqual(record.attempt_log.map(({ duration_ms }) => duration_ms), [400, 0]);
  assert.deepEqual([record.duration_ms, record.fate], [412.5, "retried"]);
});

test("fetch: a fallback that fails leaves the upstream's own answer", async () => {
  const world = new World({ answers: () => bad() });
  const { status, text } = await world.fetch(URL_, { fallback: () => Promise.reject(new Error("no")) });
  assert.deepEqual([status, text], [503, "no"]);
  assert.equal(world.records[0].fate, "failed");
});

test("fetch: a fallback may be an address, a request, a response or a function", async () => {
  const spare = "http://spare/";
  for (const fallback of [spare, new URL(spare), new Request(spare), new Response("spare"), () => new Response("spare")]) {
    const world = new World({ answers: (_, { url }) => (url === spare ? new Response("spare") : bad()) });
    const { text } = await world.fetch(URL_, { fallback });
    assert.equal(text, "spare");
    assert.equal(world.records[0].fate, "fallback");
  }
});

test("fetch: a caller that has left is told so, and counted as aborted", async () => {
  const gone = new AbortController();
  const world = new World({ answers: () => void setImmediate(() => gone.abort()) });
  await assert.rejects(world.fetch(new Request(URL_, { signal: gone.signal }), { retries: 2 }), { name: "AbortError" });
  await world.monitor.finish();
  const [summary] = world.records;
  assert.deepEqual([summary.fates.clean, summary.signals], [1, { aborted: 1 }]);
  assert.equal(world.sent.length, 1);
});

test("fetch: the margin is that of the nearest limit, and a tight one is told", async () => {
  const world = new World({ config: { edge: { header: true, server_timing: true } }, answers: () => new Promise((resolve) => (world.late = () => resolve(new Response("hello")))) });
  const answer = world.monitor.fetch(URL_, { upstream: "cart", timeout: 500, deadline: 2_000 });
  await new Promise((resolve) => setImmediate(resolve));
  world.nowMs += 480;
  world.late();
  const response = await answer;
  assert.equal(response.headers.get("near-miss"), "tight;margin=4, timeout");
  assert.equal(response.headers.get("server-timing"), 'near-miss;desc="tight;margin=4, timeout";dur=480.0');
});

test("fetch: what a response says of itself is heard", async () => {
  for (const [headers, fate] of [
    [{ "cache-status": "C; fwd=stale; fwd-status=503" }, "stale"],
    [{ warning: '111 - "x"' }, "stale"],
    [{ "proxy-status": "p; error=connection_timeout" }, "partial"],
    [{ "x-stand-in": "1" }, "fallback"],
    [{ "x-ratelimit-limit": "100", "x-ratelimit-remaining": "3" }, "tight"],
    [{ ratelimit: '"hour";r=900, "burst";r=5', "ratelimit-policy": '"burst";q=100,"hour";q=1000' }, "tight"],
    [{ ratelimit: "limit=100, remaining=5" }, "tight"],
    [{ "content-type": "application/grpc", "grpc-status": "14" }, "partial"],
  ]) {
    const world = new World({ config: { fallback_header: "X-Stand-In" }, answers: () => new Response("hello", { headers }) });
    await world.fetch(URL_);
    assert.equal(world.records[0]?.fate, fate, JSON.stringify(headers));
  }
});

test("fetch: somebody's retry is known by its headers", async () => {
  for (const headers of [{ "grpc-previous-rpc-attempts": "1" }, { "x-stainless-retry-count": "1" }, { "amz-sdk-request": "attempt=2; max=3" }, { "x-envoy-attempt-count": "2" }]) {
    const world = new World();
    await world.fetch(new Request(URL_, { headers }));
    assert.equal(world.records[0]?.fate, "client_retried", JSON.stringify(headers));
  }
});

test("fetch: bodies are looked into only if that is asked for, and only so far", async () => {
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
    const world = new World({ config: { edge: { inspect_bytes } }, answers: () => new Response(body, { status, headers: { "content-type": type } }) });
    const { text } = await world.fetch(URL_);
    assert.equal(text, body);
    assert.equal(world.records[0]?.fate, fate, `${inspect_bytes} ${body}`);
  }
});

test("fetch: options that make no sense are refused by name", async () => {
  const world = new World();
  for (const [options, message] of [
    [{}, /`upstream` is undefined; it takes a name/],
    [{ upstream: "cart", retries: -1 }, /`retries` is -1; it takes a whole number, 0 to 20/],
    [{ upstream: "cart", timeout: NaN }, /`timeout` is NaN; it takes milliseconds/],
    [{ upstream: "cart", deadline: Infinity }, /`deadline` is Infinity/],
    [{ upstream: "cart", fallback: "nowhere" }, /`fallback` is "nowhere"; it takes a URL/],
    [{ upstream: "cart", tries: 3 }, /`tries` is not an option of fetch; there are upstream/],
  ]) {
    await assert.rejects(world.monitor.fetch(URL_, options), { name: "TypeError", message });
  }
  assert.equal(world.sent.length, 0);
});
