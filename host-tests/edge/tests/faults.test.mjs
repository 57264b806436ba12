// Whatever the gateway hands in fails once at each place where it is used, then always: callers get the same answers, and counts are
// wrong by no more than the exchange in flight.
import assert from "node:assert/strict";
import { test } from "node:test";
import { World, otlp } from "../support/world.mjs";

const EXCHANGES = 12;

/** Exchanges with a bit of everything: retries, a hedge, a fallback, failures. */
async function story(world) {
  const answers = [];
  for (let number = 0; number < EXCHANGES; number += 1) {
    const options = [{ retries: 2 }, { hedge: 20, retries: 1 }, { fallback: () => new Response("instead") }, { timeout: 50, retries: 1 }][number % 4];
    const { status, text } = await world.fetch(`http://cart/${number}`, options);
    answers.push(`${status} ${text}`);
    world.nowMs += 700;
  }
  await world.until(world.monitor.finish());
  return answers;
}

/** What the origin answers, by the exchange and not by the turn: one attempt more or less must not shift what comes after it. */
function origin() {
  const seen = new Map();
  return (turn, request) => {
    const path = new URL(request.url).pathname;
    const attempt = (seen.get(path) ?? 0) + 1;
    seen.set(path, attempt);
    const isBad = Number(path.slice(1)) % 3 === 0 && attempt === 1;
    return new Response(isBad ? "no" : "hello", { status: isBad ? 503 : 200 });
  };
}

/** A function that fails at its `nth` call, or at every one if that is 0; says how often it was called. */
function failing(body, nth, how) {
  const failing = (...words) => {
    failing.calls += 1;
    return nth === 0 || failing.calls === nth ? how(...words) : body(...words);
  };
  failing.calls = 0;
  return failing;
}

const thrown = () => {
  throw new Error("no");
};

/** What was counted, over all fates. */
function counted(monitor) {
  const counts = [...monitor.metrics().matchAll(/nearmiss_exchanges_total\{[^}]*\} (\d+)/g)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Plays the story with one of the gateway's functions failing; what that function was called. */
async function play(name, body, nth, how) {
  let world;
  const tool = failing((...words) => body(world, ...words), nth, how);
  world = new World({ answers: origin(), [name]: tool });
  return { world, tool, answers: await story(world) };
}

const nothing = () => {};
const TOOLS = [
  ["now", (world) => world.nowMs, [thrown, () => NaN, () => -1]],
  ["random", () => 0.5, [thrown, () => NaN]],
  ["records", nothing, [thrown, () => Promise.reject(new Error("later"))]],
];

for (const [name, body, ways] of TOOLS) {
  test(`faults: ${name} fails at each place, once and for good, and answers and counts stay`, async () => {
    const rejections = [];
    const note = (error) => rejections.push(error);
    process.on("unhandledRejection", note);
    const { error } = console;
    console.error = nothing;
    try {
      const well = await play(name, body, undefined);
      assert.ok(well.tool.calls >= 5, `${name} is called ${well.tool.calls} times`);
      assert.equal(counted(well.world.monitor), EXCHANGES);
      for (const how of ways) {
        for (let nth = 0; nth <= well.tool.calls; nth += 1) {
          const { world, answers } = await play(name, body, nth, how);
          assert.deepEqual(answers, well.answers, `${name} ${nth}: ${how}`);
          const missing = EXCHANGES - counted(world.monitor);
          assert.ok(missing === 0 || (nth > 0 && missing === 1), `${name} ${nth}: ${how}: ${missing} are missing`);
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(rejections, []);
    } finally {
      console.error = error;
      process.off("unhandledRejection", note);
    }
  });
}

test("faults: the clock stands still, jumps an hour and goes back, and every exchange is counted", async () => {
  const hour = 3_600_000;
  for (const skew of [() => 0, (calls) => calls * hour, (calls) => -calls * hour, (calls) => (calls % 2 ? hour : -hour), (calls) => (calls > 30 ? -1e15 : 0)]) {
    let calls = 0;
    const { world } = await play("now", () => 1_795_423_554_000 + skew((calls += 1)), undefined);
    assert.equal(counted(world.monitor), EXCHANGES, String(skew));
  }
});

test("faults: an attempt whose fetch throws, rejects or gives no response is one that failed", async () => {
  for (const how of [thrown, () => Promise.reject(new TypeError("refused")), () => undefined]) {
    const fetch = failing(async () => new Response("hello"), 1, how);
    const world = new World({ fetch });
    const { status, text } = await world.fetch("http://cart/", { retries: 1 });
    assert.deepEqual([status, text], [200, "hello"], String(how));
    assert.deepEqual([world.records[0].fate, world.records[0].attempts], ["retried", 2]);
  }
});

test("faults: a place for records that fails, or a worker that is gone, does no harm", async () => {
  const { error } = console;
  console.error = nothing;
  const sinks = [{ due: thrown }, { due: () => true, flush: thrown }, { due: () => true, flush: () => Promise.reject(new Error("no")) }];
  try {
    for (const sink of sinks) {
      for (const ctx of [undefined, { waitUntil: nothing }]) {
        const world = new World({ records: { push: nothing, ...sink } });
        assert.equal((await world.fetch("http://cart/", { ctx })).text, "hello");
        world.monitor.wake();
        assert.equal(counted(world.monitor), 1);
        // What is rejected is told a moment later.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  } finally {
    console.error = error;
  }
});

test("faults: an endpoint that never answers holds no more records than its queue has room for", async () => {
  const never = () => new Promise(nothing);
  const records = otlp({ url: "http://collector/v1/logs", batch: 1, queue: 5, fetch: never });
  const world = new World({ records, answers: () => new Response("no", { status: 503 }) });
  for (let number = 0; number < 20; number += 1) await world.fetch("http://cart/");
  assert.equal(records.dropped, 15);
  assert.equal(counted(world.monitor), 20);
});
