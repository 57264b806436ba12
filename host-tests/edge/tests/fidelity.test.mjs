// The package is never worse than the runtime's own fetch, in every runtime.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buffer, text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { startFidelityOrigin } from "../support/fidelity-origin.mjs";
import { dist, here, root, runtime } from "../support/runtimes.mjs";
import { eventually } from "../support/wait.mjs";

let origin;
before(async () => (origin = await startFidelityOrigin()));
after(() => origin.stop());

for (const [name, ...args] of [["node"], ["deno", "run", "--allow-all"], ["bun"]]) {
  test(`fidelity: ${name}: responses and failures are those of fetch`, async () => {
    const program = [join(here, "support/run-fidelity.mjs"), join(dist, "inline.js"), origin.url];
    const child = spawn(runtime(name), [...args, ...program], { stdio: ["ignore", "pipe", "pipe"] });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    requireAll(out, err);
  });
}

test("fidelity: Node: a body that is garbage-collected unread is counted", async () => {
  const program = `
    import { nearMiss } from ${JSON.stringify(join(dist, "inline.js"))};
    const monitor = nearMiss({ records: "none" });
    const caller = new AbortController();
    for (let n = 0; n < 20; n += 1) await monitor.fetch(new Request("${origin.url}/plain", { signal: caller.signal }), { upstream: "a" });
    for (let n = 0; n < 1_000 && monitor.stats().upstreams.a?.fates.clean !== 20; n += 1) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); }
    console.log(JSON.stringify(monitor.stats().upstreams.a?.fates.clean));
    process.exit();`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  assert.equal((await text(child.stdout)).trim(), "20");
});

test("fidelity: workerd: responses and failures are those of fetch", async () => {
  const worker = await startWorker();
  try {
    requireAll((await worker.get("/checks")).body.toString());
    for (let number = 0; number < 3; number += 1) {
      const { status, body } = await worker.get("/constant");
      assert.deepEqual([status, body.toString()], [200, "spare"], `request ${number}`);
    }
  } finally {
    await worker.stop();
  }
});

test("fidelity: workerd: a client gets the same bytes, encodings and lengths as without the package", async () => {
  const worker = await startWorker();
  const comparable = ({ status, headers, body }) => ({
    status,
    length: headers["content-length"],
    encoding: headers["content-encoding"],
    chunked: headers["transfer-encoding"],
    body: body.toString("hex"),
  });
  try {
    const pairs = [
      ...["gzip", "string", "empty", "json", "stream", "length", "zip"].map((name) => [`/plain/${name}`, `/wrap/${name}`]),
      ...["plain", "gzip", "json", "status?code=503"].map((path) => [`/direct?path=${path}`, `/fetch?path=${path}`]),
    ];
    for (const [plain, ours] of pairs) assert.deepEqual(comparable(await worker.get(ours)), comparable(await worker.get(plain)), ours);
    const { body } = await worker.get("/wrap/gzip");
    assert.equal(gunzipSync(body).toString(), "compressed ".repeat(100));
    const metrics = (await worker.get("/metrics")).body.toString();
    const counts = [...metrics.matchAll(/^nearmiss_exchanges_total.* (\d+)$/gm)].map(([, count]) => Number(count));
    assert.equal(counts.reduce((sum, count) => sum + count, 0), pairs.length + 1, metrics);
  } finally {
    await worker.stop();
  }
});

test("fidelity: workerd: exchanges that end outside a request, by garbage collection, are counted", async () => {
  const worker = await startWorker();
  try {
    for (let number = 0; number < 5; number += 1) await worker.get("/unread");
    const stats = await eventually("the exchanges to be counted", async () => {
      const found = JSON.parse((await worker.get("/collected")).body.toString());
      return (found.invalid > 0 || found.upstreams.a?.exchanges === 5) && found;
    });
    assert.deepEqual([stats.invalid, stats.upstreams.a?.fates.clean], [0, 5]);
  } finally {
    await worker.stop();
  }
});

test("fidelity: workerd: a handler's stream that is cut off is partial", async () => {
  const worker = await startWorker();
  try {
    await assert.rejects(worker.get("/wrap/cut"));
    assert.match((await worker.get("/metrics")).body.toString(), /upstream="a",fate="partial"\} 1\n/);
  } finally {
    await worker.stop();
  }
});

for (const [name, ...args] of [["deno", "run", "--allow-all"], ["bun"]]) {
  test(`fidelity: ${name}: a server's client gets the same lengths and bytes as without the package`, async () => {
    const program = [join(here, "support/serve-handlers.mjs"), join(dist, "inline.js")];
    const child = spawn(runtime(name), [...args, ...program], { stdio: ["ignore", "pipe", "inherit"] });
    const { results, exchanges } = JSON.parse(await text(child.stdout));
    for (const { path, plain, ours } of results) assert.deepEqual(ours, plain, path);
    assert.deepEqual([results.length, exchanges], [5, 5]);
  });
}

function requireAll(out, err = "") {
  const results = out.trim().split("\n").map((line) => JSON.parse(line || '{"error":"nothing ran"}'));
  assert.deepEqual(results.filter(({ error }) => error), [], err);
  assert.ok(results.length >= 20, `${results.length} checks`);
}

/** Starts the Worker. `get` sends a request that accepts gzip and does not decompress. */
async function startWorker() {
  const folder = mkdtempSync(join(root, "target/workerd-"));
  const config = readFileSync(join(here, "support/fidelity-worker.capnp"), "utf8")
    .replace("ORIGIN_URL", origin.url)
    .replaceAll("../../../dist/edge", "../../dist/edge")
    .replaceAll('embed "fidelity', 'embed "../../host-tests/edge/support/fidelity');
  writeFileSync(join(folder, "worker.capnp"), config);
  const child = spawn(runtime("workerd"), ["serve", join(folder, "worker.capnp"), "--control-fd=1"], { stdio: ["ignore", "pipe", "inherit"] });
  let port;
  for await (const line of createInterface({ input: child.stdout })) {
    port = /"socket":"http","port":(\d+)/.exec(line)?.[1];
    if (port !== undefined) break;
  }
  return {
    get: async (path) => {
      const [response] = await once(get({ host: "127.0.0.1", port, path, agent: false, headers: { "accept-encoding": "gzip" } }), "response");
      return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
    },
    stop: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
      rmSync(folder, { recursive: true });
    },
  };
}
