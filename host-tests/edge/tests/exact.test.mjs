// Nothing is lost: what a Worker counted is what it was asked.
import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { Origin } from "../support/origin.mjs";
import { eventually } from "../support/wait.mjs";

const TOGETHER = 200;
const LOAD_MS = 20_000;

test("workerd: 200 requests at a time for 20 s lose no count", async () => {
  const [cart, search] = await Promise.all([Origin.start(), Origin.start()]);
  const gateway = await startGateway("workerd", { cart, search });
  const agent = new Agent({ keepAlive: true, maxSockets: TOGETHER });
  try {
    const [asked, answers] = [{ ok: 0, flaky: 0 }, { good: 0, bad: 0 }];
    const end = performance.now() + LOAD_MS;
    const client = async (number) => {
      for (let turn = 0; performance.now() < end; turn += 1) {
        const path = turn % 20 === 19 ? "flaky" : "ok";
        asked[path] += 1;
        // A busy machine may well be too slow for the gateway's deadline; that counts too.
        const isGood = (await status(`${gateway.url}/cart/${path}?id=${number}-${turn}`, agent)) === 200;
        answers[isGood ? "good" : "bad"] += 1;
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, (_, number) => client(number)));
    const total = asked.ok + asked.flaky;
    const summaries = () => gateway.records.filter(({ type, upstream }) => type === "summary" && upstream === "cart");
    const counted = () => summaries().reduce((sum, { fates }) => sum + Object.values(fates).reduce((a, b) => a + b), 0);
    await eventually(`${total} exchanges in summaries`, async () => {
      await gateway.nudge();
      return counted() >= total;
    });
    assert.equal(counted(), total);
    const fate = (name) => summaries().reduce((sum, { fates }) => sum + fates[name], 0);
    assert.equal(fate("failed"), answers.bad);
    // Where the retry budget is spent, the stand-in answers.
    const caught = fate("retried") + fate("fallback") + fate("failed");
    assert.ok(caught >= asked.flaky, `${caught} were caught of ${asked.flaky}`);
    const told = summaries().reduce((sum, { attempts }) => sum + attempts, 0);
    assert.ok(told >= cart.total, `${cart.total} attempts arrived and ${told} were told`);
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
