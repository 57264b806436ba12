// Exact counts: a Worker counts every request under load.
import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { Origin } from "../support/origin.mjs";
import { eventually } from "../support/wait.mjs";

const CONCURRENCY = 200;
const REQUESTS_EACH = 10;

test("workerd: the requests of 200 clients at once are all counted", async () => {
  const [cart, search] = await Promise.all([Origin.start(), Origin.start()]);
  const gateway = await startGateway("workerd", { cart, search });
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  try {
    const [requests, responses] = [{ ok: 0, flaky: 0 }, { good: 0, bad: 0, cut: 0 }];
    const client = async (number) => {
      for (let sent = 0; sent < REQUESTS_EACH; sent += 1) {
        const path = (number + sent) % 20 === 19 ? "flaky" : "ok";
        requests[path] += 1;
        // On a busy machine a request may miss the gateway's deadline, before or within its body.
        const { statusCode, complete } = await finished(`${gateway.url}/cart/${path}?id=${number}-${sent}`, agent);
        responses[!complete ? "cut" : statusCode === 200 ? "good" : "bad"] += 1;
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
    assert.equal(fate("failed"), responses.bad, JSON.stringify(responses));
    // The fallback answers when the retry budget is exhausted.
    const notClean = fate("retried") + fate("fallback") + fate("failed");
    assert.ok(notClean >= requests.flaky, `${notClean} are retried, fallback or failed, of ${requests.flaky}`);
    const attemptsCounted = summaries().reduce((sum, { attempts }) => sum + attempts, 0);
    assert.ok(attemptsCounted >= cart.total, `${cart.total} attempts arrived and ${attemptsCounted} were counted`);
  } finally {
    agent.destroy();
    await gateway.stop();
    await Promise.all([cart.stop(), search.stop()]);
  }
});

function finished(url, agent) {
  return new Promise((resolve, reject) => {
    const onResponse = (response) => response.resume().on("error", () => {}).on("close", () => resolve(response));
    get(url, { agent }, onResponse).on("error", reject);
  });
}
