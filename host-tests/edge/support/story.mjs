// What every gateway must get right, in every runtime.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { request as httpRequest } from "node:http";
import { once } from "node:events";
import { startGateway } from "./gateway.mjs";
import { Origin } from "./origin.mjs";
import { eventually } from "./wait.mjs";

/** Tells the whole story in a runtime. */
export function tell(name) {
  let gateway, cart, search, mail;
  let turn = 0;

  before(async () => {
    [cart, search, mail] = await Promise.all([Origin.start(), Origin.start(), Origin.start()]);
    gateway = await startGateway(name, { cart, search, mail });
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all([cart, search, mail].map((origin) => origin?.stop()));
  });

  const claim = (text, body) => test(`${name}: ${text}`, body);
  /** Asks for a path in a turn of its own; gives the response, its text and where its records begin. */
  const ask = async (path, init) => {
    const [id, since] = [`turn-${(turn += 1)}`, gateway.records.length];
    const response = await fetch(`${gateway.url}${path}?id=${id}`, init);
    return { id, since, response, status: response.status, miss: response.headers.get("near-miss"), text: await response.text() };
  };

  claim("a success leaves no header and no record", async () => {
    const { status, text, miss, response, since } = await ask("/cart/ok");
    assert.deepEqual([status, text, miss], [200, "hello", null]);
    assert.equal(response.headers.get("server-timing"), null);
    const { since: next } = await ask("/cart/flaky");
    await gateway.record(next, { fate: "retried" });
    assert.deepEqual(gateway.records.slice(since, next).filter(({ type }) => type === "exchange"), []);
  });

  claim("a retry that worked is retried, with both attempts told", async () => {
    const { id, since, status, text, miss, response } = await ask("/cart/flaky");
    assert.deepEqual([status, text, cart.arrived(id)], [200, "hello", 2]);
    assert.equal(miss, "retried;attempts=2;margin=50");
    assert.match(response.headers.get("server-timing"), /^near-miss;desc="retried;attempts=2;margin=50";dur=\d/);
    const record = await gateway.record(since, { upstream: "cart", fate: "retried" });
    assert.deepEqual([record.attempts, record.margin_bp, record.status], [2, 5000, 200]);
    assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [503, 200]);
    assert.ok(record.attempt_log.every(({ duration_ms }) => duration_ms >= 0 && duration_ms < 1000));
  });

  claim("Retry-After is waited for", async () => {
    const start = performance.now();
    const { status, miss } = await ask("/cart/asks");
    assert.equal(status, 200);
    assert.match(miss, /^retried;attempts=2/);
    assert.ok(performance.now() - start >= 990, "a second was asked for");
  });

  claim("what cannot be had three times has a stand-in, and no address leaves in a header", async () => {
    const { id, since, status, text, response, miss } = await ask("/cart/bad");
    assert.deepEqual([status, JSON.parse(text).items, cart.arrived(id)], [200, [], 3]);
    assert.equal(miss, "fallback;attempts=3;margin=0, retry, retry_limit");
    assert.ok(![...response.headers.values()].some((value) => value.includes(cart.address)));
    const record = await gateway.record(since, { upstream: "cart", fate: "fallback" });
    assert.deepEqual([record.attempts, record.attempt_log.length, record.status], [3, 3, 200]);
  });

  claim("a fault that another try would not mend is not tried again", async () => {
    const { id, text } = await ask("/cart/broken");
    assert.deepEqual([JSON.parse(text).items, cart.arrived(id)], [[], 1]);
  });

  claim("a hedge answers for an attempt that hangs, which is then let go", async () => {
    const abandoned = search.abandoned;
    const { id, since, status, text, miss } = await ask("/search/late");
    assert.deepEqual([status, text, search.arrived(id)], [200, "hello", 2]);
    assert.match(miss, /^retried;attempts=2;margin=\d+, hedge/);
    const record = await gateway.record(since, { upstream: "search", fate: "retried" });
    assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [undefined, 200]);
    assert.ok(record.signals.includes("hedge"));
    await eventually("the loser to be let go", () => search.abandoned > abandoned);
  });

  claim("what hangs longer than its timeout is tried again, then stood in for", async () => {
    const { id, since, status, miss } = await ask("/cart/hang");
    assert.deepEqual([status, cart.arrived(id)], [200, 3]);
    assert.match(miss, /^fallback;attempts=3/);
    const record = await gateway.record(since, { upstream: "cart", fate: "fallback" });
    assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [undefined, undefined, undefined]);
    assert.ok(record.attempt_log.every(({ duration_ms }) => duration_ms >= 950), JSON.stringify(record.attempt_log));
  });

  claim("a timeout without a stand-in is a 504", async () => {
    const { since, status, miss } = await ask("/search/hang");
    assert.equal(status, 504);
    assert.match(miss, /^failed;attempts=2/);
    const record = await gateway.record(since, { upstream: "search", fate: "failed" });
    assert.equal(record.status, 504);
  });

  claim("a connection that is reset is no answer", async () => {
    const { since, status } = await ask("/search/reset");
    assert.equal(status, 502);
    const record = await gateway.record(since, { upstream: "search", fate: "failed" });
    assert.equal(record.status, 502);
  });

  claim("a body arrives while it is still being written", async () => {
    const response = await fetch(`${gateway.url}/cart/drip?id=drip-${name}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const first = await reader.read();
    assert.equal(first.value, "first ");
    cart.release();
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) rest += next.value;
    assert.equal(rest, "last");
  });

  claim("a body that is cut off is partial", async () => {
    const since = gateway.records.length;
    const response = await fetch(`${gateway.url}/cart/cut?id=cut-${name}`);
    const reader = response.body.getReader();
    await reader.read();
    cart.release();
    await assert.rejects(reader.read());
    await gateway.record(since, { upstream: "cart", fate: "partial" });
  });

  claim("GraphQL errors beside data are partial", async () => {
    const { since, status, text } = await ask("/cart/graphql");
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).errors.length, 1);
    await gateway.record(since, { upstream: "cart", fate: "partial" });
  });

  claim("an expired copy is stale by its Cache-Status", async () => {
    const { since, miss } = await ask("/cart/stale");
    assert.match(miss, /^stale/);
    await gateway.record(since, { upstream: "cart", fate: "stale" });
  });

  claim("a POST is not repeated unless told", async () => {
    const { id, text } = await ask("/cart/flaky", { method: "POST", body: "order" });
    assert.deepEqual([JSON.parse(text).items, cart.arrived(id)], [[], 1]);
  });

  claim("a PUT with a short body is repeated, body and all", async () => {
    const { id, text, miss } = await ask("/cart/echo", { method: "PUT", body: "three apples" });
    assert.deepEqual([text, cart.arrived(id)], ["three apples", 2]);
    assert.match(miss, /^retried;attempts=2/);
  });

  claim("a client that goes away is counted as that, and its attempt is let go", async () => {
    const abandoned = cart.abandoned;
    const before = await aborted(gateway);
    const { port } = gateway;
    const request = httpRequest({ host: "127.0.0.1", port, path: `/cart/endless?id=gone-${name}`, agent: false }).end();
    const [response] = await once(request, "response");
    await once(response, "data");
    request.destroy();
    await eventually("the origin to hear of it", () => cart.abandoned > abandoned);
    await eventually("it to be counted", async () => (await aborted(gateway)) > before);
  });

  if (name !== "workerd") {
    claim("a handler with retries of its own is counted by its notes", async () => {
      const { since, status, miss } = await ask("/mail/flaky");
      assert.equal(status, 200, "the path is the turn: the second try is answered");
      assert.equal(miss, "retried;attempts=2;margin=0, retry_limit");
      const record = await gateway.record(since, { upstream: "mail", fate: "retried" });
      assert.deepEqual(record.attempt_log.map((attempt) => attempt.status), [503, 200]);
    });

    claim("counters agree with what was asked", async () => {
      const count = async () => {
        const text = await (await fetch(`${gateway.url}/metrics`)).text();
        const sum = (name) => [...text.matchAll(new RegExp(`^nearmiss_${name}.* (\\d+)$`, "gm"))].reduce((all, [, value]) => all + Number(value), 0);
        return [sum('exchanges_total{upstream="cart"'), sum('attempts_total{upstream="cart"'), sum("invalid_total")];
      };
      const [exchanges, attempts, invalid] = await count();
      for (let number = 0; number < 30; number += 1) await ask(number % 10 === 0 ? "/cart/flaky" : "/cart/ok");
      assert.deepEqual(await count(), [exchanges + 30, attempts + 33, 0]);
      assert.equal(invalid, 0);
    });
  }

  claim("an origin that is down has a stand-in", async () => {
    await cart.stop();
    const { since, status, miss, text } = await ask("/cart/ok");
    cart = undefined;
    assert.deepEqual([status, JSON.parse(text).items], [200, []]);
    assert.match(miss, /^fallback;attempts=[123]/);
    const record = await gateway.record(since, { upstream: "cart", fate: "fallback" });
    assert.ok(record.attempt_log.every(({ status }) => status === undefined), "nobody answered");
  });

  if (name !== "workerd") {
    claim("what was counted leaves at the end", async () => {
      await gateway.stop();
      const summaries = gateway.records.filter(({ type }) => type === "summary");
      assert.ok(new Set(summaries.map(({ source }) => source)).size === 1);
      assert.match(summaries[0].source, /^shop-gateway\/[0-9a-f]+\/\d+$/);
      assert.deepEqual(new Set(summaries.map(({ upstream }) => upstream)), new Set(["cart", "mail", "search"]));
    });
  }
}

/** How many exchanges were aborted, by the summaries that have left. */
async function aborted(gateway) {
  if (gateway.collector) await gateway.nudge();
  const summaries = gateway.records.filter(({ type, upstream }) => type === "summary" && upstream === "cart");
  return summaries.reduce((sum, { signals }) => sum + (signals.aborted ?? 0), 0);
}
