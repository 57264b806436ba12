// Exact counts: a Worker counts every request under load.
import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { Origin } from "../support/origin.mjs";
import { eventually } from "../support/wait.mjs";

const CONCURRENCY = 200;
const LOAD_MS = 20_000;

test("workerd: 200 concurrent requests for 20 s are all counted", async () => {
  const [cart, search] = await Promise.all([Origin.start(), Origin.start()]);
  const gateway = await startGateway("workerd", { cart, search });
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  try {
    const [requests, responses] = [{ ok: 0, flaky: 0 }, { good: 0, bad: 0 }];
    const end = performance.now() + LOAD_MS;
    const client = async (number) => {
      for (let sent = 0; performance.now() < end; sent += 1) {
        const path = sent % 20 === 19 ? "flaky" : "ok";
        requests[path] += 1;
        // On a busy machine a request may miss the gateway's deadline, which counts as failed.
        const isGood = (await status(`${gateway.url}/cart/${path}?id=${number}-${sent}`, agent)) === 200;
        responses[isGood ? "good" : "bad"] += 1;
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, (_, number) => client(number)));
    const total = requests.ok + requests.flaky;
    const summaries = () => gateway.records.filter(({ type, upstream }) => type === "summary" && upstream === "cart");
    const counted = () => summaries().reduce((sum, { fates }) => sum + Object.values(fates).reduce((a, b) => a + b), 0);
    await eventually(`${total} exchanges in summaries`, async () => {
      await gateway.nudge();
      return counted() >= total;
    });
    assert.equal(counted(), total);
    const fate = (name) => summaries().reduce((sum, { fates }) => sum + fates[name], 0);
    assert.equal(fate("failed"), responses.bad);
    // The fallback answers when the retry budget is exhausted.
    const notClean = fate("retried") + fate("fallback") + fate("failed");
    assert.ok(notClean >= requests.flaky, `${notClean} are retried, fallback or failed, of ${requests.flaky}`);
    const attemptsCounted = summaries().reduce((sum, { attempts }) => sum + attempts, 0);
    assert.ok(attemptsCounted >= cart.total, `${cart.total} attempts arrived and ${attemptsCounted} were counted`);
    assert.ok(total > 1_000, `only ${total} exchanges`);
  } finally {
    agent.destroy();
    await gateway.stop();
    await Promise.all([cart.stop(), search.stop()]);
  }
});

function status(url, agent) {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => response.resume().on("close", () => resolve(response.statusCode))).on("error", reject);
  });
}
