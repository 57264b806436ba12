// Each function that the gateway passes in fails once at every call, then at all calls: callers get the same responses, and counts are
// off by at most the exchange in progress.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation, otlp } from "../support/simulation.mjs";

const EXCHANGES = 12;

/** Runs exchanges with retries, a hedge, a fallback and failures. Returns the responses. */
async function runExchanges(simulation) {
  const responses = [];
  for (let number = 0; number < EXCHANGES; number += 1) {
    const options = [{ retries: 2 }, { hedge: 20, retries: 1 }, { fallback: () => new Response("instead") }, { timeout: 50, retries: 1 }][number % 4];
    const { status, text } = await simulation.fetch(`http://cart/${number}`, options);
    responses.push(`${status} ${text}`);
    simulation.nowMs += 700;
  }
  await simulation.until(simulation.monitor.finish());
  return responses;
}

/** Creates an origin that answers by exchange, so that one attempt more or less does not affect later exchanges. */
function origin() {
  const seen = new Map();
  return (_, request) => {
    const path = new URL(request.url).pathname;
    const attempt = (seen.get(path) ?? 0) + 1;
    seen.set(path, attempt);
    const isBad = Number(path.slice(1)) % 3 === 0 && attempt === 1;
    return new Response(isBad ? "no" : "hello", { status: isBad ? 503 : 200 });
  };
}

/** Returns a function that fails at its `nth` call, or at every call if `nth` is 0. `calls` counts its calls. */
function failing(body, nth, fail) {
  const failing = (...args) => {
    failing.calls += 1;
    return nth === 0 || failing.calls === nth ? fail(...args) : body(...args);
  };
  failing.calls = 0;
  return failing;
}

const throws = () => {
  throw new Error("no");
};

/** Returns the number of counted exchanges. */
function counted(monitor) {
  const counts = [...monitor.metrics().matchAll(/nearmiss_exchanges_total\{[^}]*\} (\d+)/g)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Runs the exchanges with one of the gateway's functions failing. */
async function run(name, body, nth, fail) {
  let simulation;
  const dependency = failing((...args) => body(simulation, ...args), nth, fail);
  simulation = new Simulation({ answer: origin(), [name]: dependency });
  return { simulation, dependency, responses: await runExchanges(simulation) };
}

const nothing = () => {};
const DEPENDENCIES = [
  ["now", (simulation) => simulation.nowMs, [throws, () => NaN, () => -1]],
  ["random", () => 0.5, [throws, () => NaN]],
  ["records", nothing, [throws, () => Promise.reject(new Error("later"))]],
];

for (const [name, body, failures] of DEPENDENCIES) {
  test(`faults: ${name} fails at each call and at all calls, and responses and counts stay the same`, async () => {
    const rejections = [];
    const onRejection = (error) => rejections.push(error);
    process.on("unhandledRejection", onRejection);
    const { error } = console;
    console.error = nothing;
    try {
      const expected = await run(name, body, undefined);
      assert.ok(expected.dependency.calls >= 4, `${name} is called ${expected.dependency.calls} times`);
      assert.equal(counted(expected.simulation.monitor), EXCHANGES);
      for (const fail of failures) {
        for (let nth = 0; nth <= expected.dependency.calls; nth += 1) {
          const { simulation, responses } = await run(name, body, nth, fail);
          assert.deepEqual(responses, expected.responses, `${name} ${nth}: ${fail}`);
          const missing = EXCHANGES - counted(simulation.monitor);
          assert.ok(missing === 0 || (nth > 0 && missing === 1), `${name} ${nth}: ${fail}: ${missing} are missing`);
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(rejections, []);
    } finally {
      console.error = error;
      process.off("unhandledRejection", onRejection);
    }
  });
}

test("faults: the clock stops, jumps an hour and goes back, and every exchange is counted", async () => {
  const hour = 3_600_000;
  for (const skew of [() => 0, (calls) => calls * hour, (calls) => -calls * hour, (calls) => (calls % 2 ? hour : -hour), (calls) => (calls > 30 ? -1e15 : 0)]) {
    let calls = 0;
    const { simulation } = await run("now", () => 1_795_423_554_000 + skew((calls += 1)), undefined);
    assert.equal(counted(simulation.monitor), EXCHANGES, String(skew));
  }
});

test("faults: an attempt whose fetch throws or rejects has failed", async () => {
  for (const fail of [throws, () => Promise.reject(new TypeError("refused"))]) {
    const fetch = failing(async () => new Response("hello"), 1, fail);
    const simulation = new Simulation({ fetch });
    const { status, text } = await simulation.fetch("http://cart/", { retries: 1 });
    assert.deepEqual([status, text], [200, "hello"], String(fail));
    assert.deepEqual([simulation.records[0].fate, simulation.records[0].attempts], ["retried", 2]);
  }
});

test("faults: a mistake in the program is thrown once, and not retried", async () => {
  const mistakes = [() => undefined, () => null.items, () => missing, () => { throw new RangeError("no"); }];
  for (const fetch of mistakes) {
    let calls = 0;
    const simulation = new Simulation({ fetch: () => ((calls += 1), fetch()) });
    await assert.rejects(simulation.fetch("http://cart/", { retries: 2, fallback: () => new Response("instead") }));
    assert.deepEqual([calls, counted(simulation.monitor)], [1, 0], String(fetch));
  }
});

test("faults: a failing sink, or a Worker that has ended, does not affect traffic", async () => {
  const { error } = console;
  console.error = nothing;
  const sinks = [{ due: throws }, { due: () => true, flush: throws }, { due: () => true, flush: () => Promise.reject(new Error("no")) }];
  try {
    for (const sink of sinks) {
      for (const ctx of [undefined, { waitUntil: nothing }]) {
        const simulation = new Simulation({ records: { push: nothing, ...sink } });
        assert.equal((await simulation.fetch("http://cart/", { ctx })).text, "hello");
        simulation.monitor.wake();
        assert.equal(counted(simulation.monitor), 1);
        // Rejections are reported asynchronously.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  } finally {
    console.error = error;
  }
});

test("faults: an endpoint that never answers does not exceed the size of its queue", async () => {
  const never = () => new Promise(nothing);
  const records = otlp({ url: "http://collector/v1/logs", batch: 1, queue: 5, fetch: never });
  const simulation = new Simulation({ records, answer: () => new Response("no", { status: 503 }) });
  for (let number = 0; number < 20; number += 1) await simulation.fetch("http://cart/");
  assert.equal(records.dropped, 15);
  assert.equal(counted(simulation.monitor), 20);
});
