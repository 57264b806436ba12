// The tests that every example gateway must pass, in every runtime.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { request as httpRequest } from "node:http";
import { once } from "node:events";
import { startGateway } from "./gateway.mjs";
import { Origin } from "./origin.mjs";
import { eventually } from "./wait.mjs";

/** Defines the tests for one runtime. */
export function testGateway(name) {
  let gateway, cart, search, mail;
  let exchanges = 0;

  before(async () => {
    [cart, search, mail] = await Promise.all([Origin.start(), Origin.start(), Origin.start()]);
    gateway = await startGateway(name, { cart, search, mail });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all([cart, search, mail].map((origin) => origin?.stop()));
  });

  const check = (text, body) => test(`${name}: ${text}`, body);
  /** Requests a path as a new exchange. Returns the response, its text and the index of its first record. */
  const request = async (path, init) => {
    const [id, since] = [`exchange-${(exchanges += 1)}`, gateway.records.length];
    const response = await fetch(`${gateway.url}${path}?id=${id}`, init);
    return { id, since, response, status: response.status, miss: response.headers.get("near-miss"), text: await response.text() };
  };

  check("a clean exchange has no header and no record", async () => {
    const { status, text, miss, response, since } = await request("/cart/ok");
    assert.deepEqual([status, text, miss], [200, "hello", null]);
    assert.equal(response.headers.get("server-timing"), null);
    const { since: next } = await request("/cart/flaky");
    await gateway.record(next, { fate: "retried" });
    assert.deepEqual(gateway.records.slice(since, next).filter(({ type }) => type === "exchange"), []);
  });

  check("a successful retry is retried, and its record has both attempts", async () => {
    const { id, since, status, text, miss, response } = await request("/cart/flaky");
    assert.deepEqual([status, text, cart.arrived(id)], [200, "hello", 2]);
    assert.equal(miss, "retried;attempts=2;margin=50");
    assert.match(response.headers.get("server-timing"), /^near-miss;desc="retried;attempts=2;margin=50";dur=\d/);
    const record = await gateway.record(since, { upstream: "cart", fate: "retried" });
    assert.deepEqual([record.attempts, record.margin_bp, record.status], [2, 5000, 200]);
    assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [503, 200]);
    assert.ok(record.attempt_log.every(({ duration_ms }) => duration_ms >= 0 && duration_ms < 60_000));
  });

  check("the wait of Retry-After is respected", async () => {
    const start = performance.now();
    const { status, miss } = await request("/cart/asks");
    assert.equal(status, 200);
    assert.match(miss, /^retried;attempts=2/);
    assert.ok(performance.now() - start >= 990, "Retry-After is one second");
  });

  check("the fallback answers after three failed attempts, and no header contains an address", async () => {
    const { id, since, status, text, response, miss } = await request("/cart/bad");
    assert.deepEqual([status, JSON.parse(text).items, cart.arrived(id)], [200, [], 3]);
    assert.equal(miss, "fallback;attempts=3;margin=0, retry, retry_limit");
    assert.ok(![...response.headers.values()].some((value) => value.includes(cart.address)));
    const record = await gateway.record(since, { upstream: "cart", fate: "fallback" });
    assert.deepEqual([record.attempts, record.attempt_log.length, record.status], [3, 3, 200]);
  });

  check("a status that is not in retryOn is not retried", async () => {
    const { id, text } = await request("/cart/broken");
    assert.deepEqual([JSON.parse(text).items, cart.arrived(id)], [[], 1]);
  });

  check("a hedge answers for an attempt that hangs, which is then cancelled", async () => {
    const abandoned = search.abandoned;
    const { id, since, status, text, miss } = await request("/search/late");
    assert.deepEqual([status, text, search.arrived(id)], [200, "hello", 2]);
    assert.match(miss, /^retried;attempts=2;margin=\d+, hedge/);
    const record = await gateway.record(since, { upstream: "search", fate: "retried" });
    assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [undefined, 200]);
    assert.ok(record.signals.includes("hedge"));
    await eventually("the losing attempt to be cancelled", () => search.abandoned > abandoned);
  });

  check("an attempt that exceeds its timeout is retried, then the fallback answers", async () => {
    const { id, since, status, miss } = await request("/cart/hang");
    assert.deepEqual([status, cart.arrived(id)], [200, 3]);
    assert.match(miss, /^fallback;attempts=3/);
    const record = await gateway.record(since, { upstream: "cart", fate: "fallback" });
    assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [undefined, undefined, undefined]);
    assert.ok(record.attempt_log.every(({ duration_ms }) => duration_ms >= 950), JSON.stringify(record.attempt_log));
  });

  check("a timeout without a fallback is a 504", async () => {
    const { since, status, miss } = await request("/search/hang");
    assert.equal(status, 504);
    assert.match(miss, /^failed;attempts=2/);
    const record = await gateway.record(since, { upstream: "search", fate: "failed" });
    assert.equal(record.status, 504);
  });

  check("a connection reset without a fallback is a 502", async () => {
    const { since, status } = await request("/search/reset");
    assert.equal(status, 502);
    const record = await gateway.record(since, { upstream: "search", fate: "failed" });
    assert.equal(record.status, 502);
  });

  check("a body is streamed", async () => {
    const response = await fetch(`${gateway.url}/cart/drip?id=drip-${name}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const first = await reader.read();
    assert.equal(first.value, "first ");
    cart.release();
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) rest += next.value;
    assert.equal(rest, "last");
  });

  check("a truncated body is partial", async () => {
    const since = gateway.records.length;
    const response = await fetch(`${gateway.url}/cart/cut?id=cut-${name}`);
    const reader = response.body.getReader();
    await reader.read();
    cart.release();
    await assert.rejects(reader.read());
    await gateway.record(since, { upstream: "cart", fate: "partial" });
  });

  check("GraphQL errors beside data are partial", async () => {
    const { since, status, text } = await request("/cart/graphql");
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).errors.length, 1);
    await gateway.record(since, { upstream: "cart", fate: "partial" });
  });

  check("a Cache-Status header with an expired copy is stale", async () => {
    const { since, miss } = await request("/cart/stale");
    assert.match(miss, /^stale/);
    await gateway.record(since, { upstream: "cart", fate: "stale" });
  });

  check("a POST is not retried by default", async () => {
    const { id, text } = await request("/cart/flaky", { method: "POST", body: "order" });
    assert.deepEqual([JSON.parse(text).items, cart.arrived(id)], [[], 1]);
  });

  check("a PUT with a short body is retried with its body", async () => {
    const { id, text, miss } = await request("/cart/echo", { method: "PUT", body: "three apples" });
    assert.deepEqual([text, cart.arrived(id)], ["three apples", 2]);
    assert.match(miss, /^retried;attempts=2/);
  });

  check("a client that disconnects is counted as aborted, and its attempt is cancelled", async () => {
    const abandoned = cart.abandoned;
    const before = await aborted(gateway);
    const { port } = gateway;
    const clientRequest = httpRequest({ host: "127.0.0.1", port, path: `/cart/endless?id=aborted-${name}`, agent: false }).end();
    const [response] = await once(clientRequest, "response");
    await once(response, "data");
    clientRequest.destroy();
    await eventually("the origin to see the cancellation", () => cart.abandoned > abandoned);
    await eventually("the exchange to be counted", async () => (await aborted(gateway)) > before);
  });

  if (name !== "workerd") {
    check("a handler's own retries are counted from its notes", async () => {
      const { since, status, miss } = await request("/mail/flaky");
      assert.equal(status, 200, "the origin counts by path, so the second attempt succeeds");
      assert.equal(miss, "retried;attempts=2;margin=0, retry_limit");
      const record = await gateway.record(since, { upstream: "mail", fate: "retried" });
      assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [503, 200]);
    });

    check("counters equal the number of requests", async () => {
      const count = async () => {
        const text = await (await fetch(`${gateway.url}/metrics`)).text();
        const sum = (name) => [...text.matchAll(new RegExp(`^nearmiss_${name}.* (\\d+)$`, "gm"))].reduce((all, [, value]) => all + Number(value), 0);
        return [sum('exchanges_total{upstream="cart"'), sum('attempts_total{upstream="cart"'), sum("invalid_total")];
      };
      const [exchanges, attempts, invalid] = await count();
      for (let number = 0; number < 30; number += 1) await request(number % 10 === 0 ? "/cart/flaky" : "/cart/ok");
      assert.deepEqual(await count(), [exchanges + 30, attempts + 33, 0]);
      assert.equal(invalid, 0);
    });
  }

  check("the fallback answers for an origin that is down", async () => {
    await cart.stop();
    const { since, status, miss, text } = await request("/cart/ok");
    cart = undefined;
    assert.deepEqual([status, JSON.parse(text).items], [200, []]);
    assert.match(miss, /^fallback;attempts=[123]/);
    const record = await gateway.record(since, { upstream: "cart", fate: "fallback" });
    assert.ok(record.attempt_log.every(({ status }) => status === undefined), "no attempt has a response");
  });

  if (name !== "workerd") {
    check("all counts are emitted at shutdown", async () => {
      await gateway.stop();
      const summaries = gateway.records.filter(({ type }) => type === "summary");
      assert.ok(new Set(summaries.map(({ source }) => source)).size === 1);
      assert.match(summaries[0].source, /^shop-gateway\/[0-9a-f]+\/\d+$/);
      assert.deepEqual(new Set(summaries.map(({ upstream }) => upstream)), new Set(["cart", "mail", "search"]));
    });
  }
}

/** Returns the number of aborted exchanges in the summaries so far. */
async function aborted(gateway) {
  if (gateway.collector) await gateway.nudge();
  const summaries = gateway.records.filter(({ type, upstream }) => type === "summary" && upstream === "cart");
  return summaries.reduce((sum, { signals }) => sum + (signals.aborted ?? 0), 0);
}
