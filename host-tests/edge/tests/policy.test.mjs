// Policies: predicates, delays, hooks, the retry budget, routes, and exchanges from facts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation, nearMiss } from "../support/simulation.mjs";

const URL_ = "http://cart.internal:8080/items";
const bad = (status = 503, headers = {}) => new Response("no", { status, headers });

test("policy: `retry` decides by status, error and attempt", async () => {
  const seen = [];
  const retry = ({ status, error, attempt, reason }) => (seen.push([attempt, status, error?.message, reason]), status === 418 || error !== undefined);
  const simulation = new Simulation({
    fetch: async () => {
      if (seen.length === 0) return bad(418);
      if (seen.length === 1) throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
      return bad(503);
    },
  });
  const { status } = await simulation.fetch(URL_, { retries: 5, retry });
  assert.equal(status, 503);
  assert.deepEqual(seen, [[1, 418, undefined, undefined], [2, undefined, "refused", "ECONNREFUSED"], [3, 503, undefined, undefined]]);
});

test("policy: `delay` sets the wait, and an invalid wait is replaced by the usual one", async () => {
  const simulation = new Simulation({ answer: (number) => (number < 4 ? bad(503, { "retry-after": "2" }) : new Response("hello")) });
  const given = [];
  await simulation.fetch(URL_, { retries: 5, delay: (outcome) => (given.push([outcome.attempt, outcome.retryAfter, outcome.backoff]), [70, NaN, outcome.retryAfter * 2][given.length - 1]) });
  assert.deepEqual(simulation.times, [0, 70, 2_070, 6_070]);
  assert.deepEqual(given, [[1, 2_000, 12.5], [2, 2_000, 25], [3, 2_000, 50]]);
  assert.match(simulation.warnings.join(), /`delay` failed: TypeError: it returned NaN; it takes milliseconds/);
});

test("policy: functions of the caller that throw are reported and do not fail the exchange", async () => {
  const fails = (name) => () => { throw new Error(`${name} is broken`); };
  const simulation = new Simulation({ answer: (number) => (number < 3 ? bad() : new Response("hello")) });
  const { text } = await simulation.fetch(URL_, { retries: 5, retry: fails("retry"), delay: fails("delay"), onAttempt: fails("onAttempt") });
  assert.equal(text, "hello");
  assert.equal(simulation.sent.length, 3);
  for (const name of ["retry", "delay", "onAttempt"]) assert.equal(simulation.warnings.filter((message) => message.includes(`${name} is broken`)).length, 1);
});

test("policy: `onAttempt` gets each attempt with its cause, and a fallback that fails", async () => {
  const reports = [];
  const failure = Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }) });
  const simulation = new Simulation({ fetch: () => Promise.reject(failure) });
  const { status } = await simulation.fetch(URL_, { retries: 1, route: "items", onAttempt: (report) => reports.push(report), fallback: () => missing.items });
  assert.equal(status, 502);
  assert.deepEqual(reports.map(({ attempt, reason, isFallback, host }) => [attempt, reason, isFallback, host]), [
    [1, "ENOTFOUND", false, "cart.internal:8080"],
    [2, "ENOTFOUND", false, "cart.internal:8080"],
    [undefined, "ReferenceError", true, undefined],
  ]);
  assert.equal(reports[0].error, failure);
  assert.equal(simulation.records[0].reason, "ENOTFOUND; fallback: ReferenceError");
  assert.deepEqual(simulation.warnings.map((message) => message.slice(0, 60)), [
    'nearmiss: an attempt failed for upstream "cart": ENOTFOUND; ',
    'nearmiss: the fallback failed for upstream "cart": Reference',
  ]);
});

test("policy: a message contains no query string", async () => {
  const simulation = new Simulation({ fetch: () => Promise.reject(new Error("error sending request for url (http://cart/?key=s3cr3t)")) });
  await simulation.fetch("http://cart/?key=s3cr3t");
  assert.ok(simulation.warnings.length === 1 && !simulation.warnings[0].includes("s3cr3t"), simulation.warnings[0]);
});

test("policy: a hedge without retries does not retry", async () => {
  const simulation = new Simulation({ answer: () => bad() });
  await simulation.fetch(URL_, { hedge: 5_000 });
  assert.equal(simulation.sent.length, 1);
});

test("policy: of 500 exchanges at once, those that fail together are retried within the budget's share", async () => {
  for (const [retryBudget, failing, expected] of [[0.2, 50, 50], [1, 400, 400], [0.2, 400, 100], [{ share: 0.2, minimum: 0 }, 400, 100], [0, 50, 0]]) {
    const seen = new Map();
    const simulation = new Simulation({
      retryBudget,
      answer: (_, { url }) => {
        const attempt = (seen.get(url) ?? 0) + 1;
        seen.set(url, attempt);
        return attempt === 1 && Number(new URL(url).pathname.slice(1)) < failing ? bad() : new Response("hello");
      },
    });
    const responses = Array.from({ length: 500 }, (_, number) => simulation.fetch(`http://cart/${number}`, { retries: 1 }));
    const good = (await Promise.all(responses)).filter(({ status }) => status === 200).length;
    assert.equal(good, 500 - failing + expected, JSON.stringify(retryBudget));
  }
});

test("policy: in an outage retries stay within their share, at low and at high traffic", async () => {
  for (const concurrency of [1, 50]) {
    const simulation = new Simulation({ answer: () => bad() });
    for (let number = 0; number < 400; number += concurrency) {
      await Promise.all(Array.from({ length: concurrency }, () => simulation.fetch(URL_, { retries: 3 })));
    }
    const additional = simulation.sent.length - 400;
    assert.ok(additional >= 80 && additional <= 100, `${additional} additional attempts at ${concurrency} at once`);
  }
});

test("policy: a route's options are checked once, and early", async () => {
  const simulation = new Simulation({ answer: (number) => (number < 2 ? bad() : new Response("hello")) });
  const { monitor } = simulation;
  assert.throws(() => monitor.route({ upstream: "cart", retires: 2 }), /`retires` is not an option of fetch/);
  assert.throws(() => monitor.route(), /`upstream` is undefined/);
  const cart = monitor.route({ upstream: "cart", retries: 1 });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const response = await simulation.until(cart(URL_, { traceId }));
  assert.equal(await simulation.until(response.text()), "hello");
  assert.deepEqual([simulation.records[0].fate, simulation.records[0].trace_id], ["retried", traceId]);
  for (const call of [() => cart.fetch(URL_), () => monitor.fetch(URL_, cart)]) assert.equal((await simulation.until(call())).status, 200);
  await assert.rejects(cart(URL_, { retries: 2 }), /`retries` is not an option of an exchange of a route/);
});

test("policy: options that make no sense are refused by name", async () => {
  const { monitor } = new Simulation();
  for (const [options, message] of [
    [{ traceId: "abc" }, /`traceId` is "abc"; it takes 32 hexadecimal digits/],
    [{ retryOn: [99_999, -1] }, /`retryOn` is .*; it takes a list of statuses/],
    [{ backoff: { base: 500, cap: 100 } }, /`cap` is 100; it takes at least `base`, 500/],
    [{ timeout: Object.create(null) }, /`timeout` is \[object Object\]; it takes milliseconds/],
    [{ retry: 3 }, /`retry` is 3; it takes a function/],
    [{ maxRetryAfter: "1s" }, /`maxRetryAfter` is "1s"/],
  ]) {
    await assert.rejects(monitor.fetch(URL_, { upstream: "cart", ...options }), { name: "TypeError", message });
  }
  for (const options of [{ timeout: "1s" }, { deadline: -5 }, { maxAttempts: 0 }]) {
    assert.throws(() => monitor.wrap(() => new Response(), options), new RegExp(`\`${Object.keys(options)[0]}\` is`));
  }
  assert.throws(() => nearMiss({ timers: {} }), /`timers` is .*; it takes an object with setTimeout/);
  for (const config of [new Map(), [], 7]) assert.throws(() => nearMiss({ config }), /`config` is .*; it takes an object or its JSON/);
  assert.throws(() => nearMiss({ retryBudget: { shares: 1 } }), /`shares` is not an option of retryBudget/);
  assert.equal((await monitor.fetch(URL_, { upstream: "cart", ctx: null, fallback: null, route: null })).status, 200);
});

test("policy: `observe` takes all that a gateway knows, and never throws", async () => {
  const simulation = new Simulation();
  const { monitor } = simulation;
  const verdict = monitor.observe({
    upstream: "cart", status: 200, durationMs: 40, route: "items", fallback: true, reason: "ECONNREFUSED", deadline: 100,
    attemptLog: [{ host: "a:80", status: 503, durationMs: 20 }, { host: "b:80", status: 200, durationMs: 10 }],
  });
  assert.deepEqual(verdict, { fate: "fallback", marginBp: 6_000, valid: true });
  const [record] = simulation.records;
  assert.deepEqual([record.attempts, record.route, record.attempt_log.length], [2, "items", 2]);
  for (const exchange of [{}, { upstream: "cart" }, { upstream: "cart", status: "200", durationMs: 1 }, { upstream: 7, status: 200, durationMs: 1 }]) {
    assert.equal(monitor.observe(exchange).valid, false, JSON.stringify(exchange));
  }
  assert.equal(monitor.observe({ upstream: "cart", status: 200, durationMs: 1, colour: "red" }).valid, true);
  assert.ok(monitor.stats().invalid >= 5);
});

test("policy: numbers that are no numbers are invalid and do not spoil the metrics", () => {
  const { monitor } = new Simulation();
  const cart = monitor.upstream("cart");
  for (const attempts of ["2", null, {}, [1], true, 2n]) monitor.observe(cart, 1_795_423_554_000, 200, 12, attempts);
  for (const status of ["200", null, true]) monitor.observe(cart, 1_795_423_554_000, status, 12, 1);
  monitor.observe(cart, 1_795_423_554_000, 200, 12, 2);
  assert.match(monitor.metrics(), /nearmiss_attempts_total\{upstream="cart"\} 2\n/);
  assert.equal(monitor.stats().invalid, 9);
});

test("policy: `stats` has the counters of `metrics`, and `forget` removes an upstream from both", async () => {
  const simulation = new Simulation({ answer: () => bad() });
  const { monitor } = simulation;
  await simulation.fetch(URL_, { deadline: 1_000 });
  const { upstreams, ...totals } = monitor.stats();
  assert.deepEqual(totals, { leftOut: { health_check: 0, mirrored: 0 }, late: 0, suppressed: 0, dropped: 0, invalid: 0 });
  assert.deepEqual([upstreams.cart.exchanges, upstreams.cart.attempts, upstreams.cart.fates.failed, upstreams.cart.fates.clean], [1, 1, 1, 0]);
  for (const line of monitor.metrics().split("\n").filter((text) => text.startsWith("# TYPE"))) {
    assert.ok(monitor.metrics().includes(`# HELP ${line.split(" ")[2]} `), line);
  }
  monitor.forget("cart");
  assert.deepEqual([monitor.stats().upstreams, monitor.metrics().includes("cart")], [{}, false]);
  await simulation.fetch(URL_);
  assert.equal(monitor.stats().upstreams.cart.exchanges, 1);
});

test("policy: failures count by reason, and clients that disconnect are counted apart", () => {
  const { monitor } = new Simulation();
  const cart = monitor.upstream("cart");
  for (const status of [503, 500, 429, 504]) monitor.observe(cart, 1_795_423_554_000, status, 12, 1);
  monitor.observe({ upstream: "cart", endedMs: 1_795_423_554_000, status: 200, durationMs: 12, attempts: 1, aborted: true });
  const { failed, aborted } = monitor.stats().upstreams.cart;
  assert.deepEqual([failed.status, failed.rate_limit, failed.timeout, failed.connect, aborted], [2, 1, 1, 0, 1]);
  assert.match(monitor.metrics(), /nearmiss_failed_total\{upstream="cart",reason="rate_limit"\} 1\n/);
  assert.match(monitor.metrics(), /nearmiss_aborted_total\{upstream="cart"\} 1\n/);
});

test("policy: a handler of another framework, or without a response, gets a message that says what to do", async () => {
  const { monitor } = new Simulation();
  await assert.rejects(monitor.wrap(() => new Response())({ headers: {} }, {}), /`wrap` takes a handler of a fetch Request.*use `observe`/);
  for (const value of [undefined, null, "text", {}]) {
    await assert.rejects(monitor.wrap(() => value)(new Request("http://gateway/")), /the wrapped handler returned .*; it takes a handler that returns a Response/);
  }
});

test("policy: an inspector never fails a body, whatever its chunks are", async () => {
  const simulation = new Simulation({ config: { edge: { inspect_bytes: 1_000 } } });
  const chunks = ['{"a":', 7, null];
  const body = () => new ReadableStream({ start: (controller) => (chunks.forEach((chunk) => controller.enqueue(chunk)), controller.close()) });
  const handler = simulation.monitor.wrap(() => new Response(body(), { headers: { "content-type": "application/json" } }), { upstream: "a" });
  const reader = (await handler(new Request("http://gateway/"))).body.getReader();
  for (const chunk of chunks) assert.deepEqual(await reader.read(), { done: false, value: chunk });
  assert.equal((await reader.read()).done, true);
  assert.deepEqual([simulation.monitor.stats().upstreams.a.exchanges, simulation.monitor.stats().invalid], [1, 0]);
});

test("policy: the header of an upstream's own instance does not pass on a clean exchange", async () => {
  for (const [header, expected] of [[true, null], [false, "failed;attempts=99"]]) {
    const simulation = new Simulation({ config: { edge: { header } }, answer: () => new Response("hello", { headers: { "near-miss": "failed;attempts=99" } }) });
    assert.equal((await simulation.fetch(URL_)).headers.get("near-miss"), expected);
  }
});

test("policy: an unread exchange ends with its headers, is neither tight nor slow, and feeds no baseline", async () => {
  const simulation = new Simulation({ answer: () => new Response("hello", { headers: { "x-ratelimit-limit": "100", "x-ratelimit-remaining": "1" } }) });
  const { monitor } = simulation;
  const fetched = monitor.fetch(URL_, { upstream: "cart", timeout: 100 });
  await simulation.until(fetched);
  simulation.nowMs += 99;
  await monitor.finish();
  assert.equal(monitor.stats().upstreams.cart.fates.clean, 1);
});

test("policy: with a Worker's context, an exchange is counted once its body is not read any more, and the context is released", async () => {
  for (const reads of [0, 1]) {
    const body = () => new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(3)) }, { highWaterMark: 0 });
    const simulation = new Simulation({ answer: () => new Response(body()) });
    const waiting = [];
    const ctx = { waitUntil: (promise) => waiting.push(promise) };
    const response = await simulation.until(simulation.monitor.fetch(URL_, { upstream: "cart", ctx }));
    const reader = response.body.getReader();
    for (let number = 0; number < reads; number += 1) await reader.read();
    const start = simulation.nowMs;
    await simulation.until(waiting[0]);
    assert.deepEqual([simulation.nowMs - start, simulation.monitor.stats().upstreams.cart.fates.clean], [10_000 * (1 + reads), 1]);
  }
});

test("policy: a transport and requests of the npm package undici's kind work", async () => {
  // Such a transport converts a request of another implementation to a URL.
  const transport = async (input, init = {}) => {
    if (typeof input !== "string") throw new TypeError("Failed to parse URL from [object Request]");
    return { status: 200, statusText: "", headers: new Headers(), body: null, url: input, bodyUsed: false, method: init.method };
  };
  const simulation = new Simulation({ fetch: transport });
  const foreign = { url: URL_, method: "PUT", headers: new Headers({ a: "b" }), body: null };
  for (const input of [URL_, foreign]) {
    const response = await simulation.until(simulation.monitor.fetch(input, { upstream: "cart", retries: 2 }));
    assert.deepEqual([response.status, response.url], [200, URL_]);
  }
  assert.equal(simulation.monitor.stats().upstreams.cart.fates.clean, 2);
});

test("policy: without a Retry-After, an attempt waits until an exhausted rate limit is reset", async () => {
  const nowS = 1_795_423_554;
  for (const [status, headers, wait] of [
    [429, { "ratelimit-reset": "3" }, 3_000],
    [429, { "x-ratelimit-reset": String(nowS + 4) }, 4_000],
    [429, { "x-ratelimit-reset": String(nowS * 1_000 + 1_500) }, 1_500],
    [429, { "x-rate-limit-reset": new Date((nowS + 6) * 1_000).toISOString() }, 6_000],
    [429, { "x-ratelimit-retry-after": "2" }, 2_000],
    [429, { "retry-after-ms": "1500", "retry-after": "9" }, 1_500],
    [429, { "retry-after": "1", "ratelimit-reset": "3" }, 1_000],
    [503, { ratelimit: '"hour";r=900;t=3000, "burst";r=0;t=5' }, 5_000],
    [503, { ratelimit: "limit=10, remaining=0, reset=7" }, 7_000],
    [503, { ratelimit: '"a, r=0;t=9";r=1;t=9, "b"; r = 0; t = 6, "c";r=0' }, 6_000],
    [503, { ratelimit: "limit=10, remaining=1, reset=7" }, 12.5],
    [503, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "8" }, 8_000],
    // The limit is not exhausted, or nothing says so.
    [503, { "x-ratelimit-remaining": "50", "x-ratelimit-reset": "8" }, 12.5],
    [503, { "x-ratelimit-reset": "8" }, 12.5],
    [429, { ratelimit: '"hour";r=900;t=3000', "x-ratelimit-reset": "soon" }, 12.5],
    [429, { "ratelimit-reset": "-1" }, 12.5],
  ]) {
    const simulation = new Simulation({ answer: (number) => (number < 2 ? bad(status, headers) : new Response("hello")) });
    await simulation.fetch(URL_, { retries: 1 });
    assert.equal(simulation.times[1], wait, JSON.stringify(headers));
  }
  const simulation = new Simulation({ answer: () => bad(429, { "x-ratelimit-reset": String(nowS + 3_600) }) });
  assert.deepEqual([(await simulation.fetch(URL_, { retries: 1 })).status, simulation.sent.length], [429, 1]);
});

test("policy: a redirect that the request forbids is not retried unless `retry` says so, and the fallback answers", async () => {
  const redirected = () => Promise.reject(Object.assign(new TypeError("fetch failed"), { cause: new Error("unexpected redirect") }));
  for (const [options, calls, status] of [[{}, 1, 502], [{ fallback: () => new Response("spare") }, 1, 200], [{ retry: () => true }, 3, 502]]) {
    const simulation = new Simulation({ fetch: (request) => (simulation.sent.push(request), redirected()) });
    const response = await simulation.fetch(URL_, { retries: 2, ...options });
    assert.deepEqual([simulation.sent.length, response.status], [calls, status]);
  }
});

test("policy: health checks and mirrored requests are left out of observed exchanges too", async () => {
  const { monitor } = new Simulation({ config: { ignore: { user_agents: ["my-probe"], paths: ["/healthz"] } } });
  const fact = { upstream: "cart", status: 503, durationMs: 1 };
  assert.deepEqual(monitor.observe({ ...fact, userAgent: "my-probe/2" }), { fate: "clean", marginBp: -1, valid: true });
  monitor.observe({ ...fact, path: "/healthz?full" });
  assert.equal(monitor.observe({ ...fact, userAgent: "kube-probe/1.30", path: "/items" }).fate, "failed");
  const mirrored = new Request("http://gateway/", { headers: { host: "cart-shadow:8080" } });
  await monitor.wrap(() => new Response(), { upstream: "cart" })(mirrored);
  const { upstreams, leftOut } = monitor.stats();
  assert.deepEqual([upstreams.cart.exchanges, leftOut], [1, { health_check: 2, mirrored: 1 }]);
  assert.match(monitor.metrics(), /nearmiss_left_out_total\{reason="health_check"\} 2\nnearmiss_left_out_total\{reason="mirrored"\} 1\n/);
});

test("policy: configured upstreams that never occur are named once, after ten minutes", async () => {
  const simulation = new Simulation({ config: { upstreams: { crat: { timeout: "1s" }, "outbound|80||cart": {} } } });
  for (let minute = 0; minute < 25; minute += 1) {
    await simulation.fetch(URL_);
    simulation.nowMs += 60_000;
    const expected = minute < 11 ? [] : ["nearmiss: `upstreams.crat` of the configuration has matched no upstream in ten minutes"];
    assert.deepEqual(simulation.warnings, expected, `minute ${minute}`);
  }
  simulation.monitor.reconfigure({ upstreams: { crate: {} } });
  for (let minute = 0; minute < 15; minute += 1) {
    await simulation.fetch(URL_);
    simulation.nowMs += 60_000;
  }
  assert.equal(simulation.warnings.length, 2);
});

test("policy: a long body makes no exchange slow, and a long wait for the headers does, beside bodies of any length", async () => {
  const simulation = new Simulation();
  const { monitor } = simulation;
  const run = async (upstream, headersMs, bodyMs) => {
    const answer = async () => ((simulation.nowMs += headersMs), new Response("hello"));
    const handled = upstream === "fetched" ? monitor.fetch(URL_, { upstream, fetch: answer }) : monitor.wrap(answer, { upstream })(new Request(URL_));
    const response = await simulation.until(handled);
    simulation.nowMs += bodyMs;
    await response.text();
  };
  for (const upstream of ["fetched", "wrapped"]) {
    const slow = () => monitor.stats().upstreams[upstream].fates.slow;
    for (let number = 0; number < 300; number += 1) await run(upstream, 10, 2_000);
    await run(upstream, 10, 60_000);
    assert.equal(slow(), 0, upstream);
    await run(upstream, 1_000, 0);
    assert.equal(slow(), 1, upstream);
  }
});

test("policy: a response whose status a browser hides is no failure", async () => {
  for (const type of ["opaque", "opaqueredirect"]) {
    const hidden = Object.defineProperty(new Response(null), "type", { value: type });
    Object.defineProperty(hidden, "status", { value: 0 });
    const simulation = new Simulation({ fetch: async () => hidden });
    assert.equal((await simulation.fetch(URL_, { retries: 1, fallback: () => new Response("spare") })).status, 0);
    assert.equal(simulation.monitor.stats().upstreams.cart.fates.clean, 1);
  }
});
