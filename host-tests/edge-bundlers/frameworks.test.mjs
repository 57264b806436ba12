// The package with frameworks and clients, as docs/edge-frameworks.md shows them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, test } from "node:test";
import { serve } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import ky from "ky";
import * as undici from "undici";
import { join } from "node:path";
import { dist } from "../edge/support/runtimes.mjs";

const { nearMiss } = await import(join(dist, "inline.js"));
const create = (options) => nearMiss({ records: "none", onWarning: () => {}, ...options });
const fates = (monitor, upstream) => Object.fromEntries(Object.entries(monitor.stats().upstreams[upstream]?.fates ?? {}).filter(([, count]) => count > 0));

let origin, base;
const seen = new Map();
before(async () => {
  origin = createServer((request, response) => {
    const count = (seen.get(request.url) ?? 0) + 1;
    seen.set(request.url, count);
    if (request.url.startsWith("/flaky") && count === 1) response.writeHead(503).end("no");
    else if (request.url.startsWith("/bad")) response.writeHead(503).end("no");
    else request.pipe(response);
  }).listen(0, "127.0.0.1");
  await once(origin, "listening");
  base = `http://127.0.0.1:${origin.address().port}`;
});
after(() => (origin.closeAllConnections(), origin.close()));

async function listening(server) {
  if (!server.listening) await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

test("frameworks: Hono in Node, with a limit on bodies that replaces the request", async () => {
  const monitor = create({ config: { edge: { header: true } } });
  const cart = monitor.route({ upstream: "cart", retries: 1 });
  const app = new Hono();
  app.use("/limited", bodyLimit({ maxSize: 1_000 }));
  app.post("/limited", (c) => (monitor.note(c.req.raw, { fallback: true }), c.req.text().then((text) => c.text(text))));
  app.put("/cart/*", (c) => cart(new Request(`${base}/flaky-hono`, c.req.raw)));
  const server = serve({ fetch: monitor.wrap((request, ...rest) => app.fetch(request, ...rest), { upstream: "gateway" }), port: 0, hostname: "127.0.0.1" });
  const url = await listening(server);
  try {
    const put = await fetch(`${url}/cart/1`, { method: "PUT", body: "three apples" });
    assert.deepEqual([put.status, await put.text(), put.headers.get("near-miss")], [200, "three apples", "retried;attempts=2;margin=0, retry_limit"]);
    const limited = await fetch(`${url}/limited`, { method: "POST", body: "order" });
    assert.deepEqual([limited.status, await limited.text()], [200, "order"]);
    assert.deepEqual([fates(monitor, "cart"), monitor.stats().upstreams.gateway.exchanges], [{ retried: 1 }, 2]);
  } finally {
    server.close();
  }
});

test("frameworks: Express, with facts and with fetch", async () => {
  const monitor = create();
  const cart = monitor.route({ upstream: "cart", retries: 1 });
  const app = express();
  app.use("/legacy", (request, response, next) => {
    const started = performance.now();
    response.on("close", () => monitor.observe({ upstream: "legacy", status: response.statusCode, durationMs: performance.now() - started, aborted: !response.writableFinished, ...response.locals.nearmiss }));
    next();
  });
  app.get("/legacy", (_, response) => {
    response.locals.nearmiss = { fallback: true };
    response.send("spare");
  });
  app.get("/items", async (_, response) => {
    const answer = await cart(`${base}/flaky-express`);
    response.status(answer.status);
    if (answer.body === null) response.end();
    else await pipeline(Readable.fromWeb(answer.body), response);
  });
  const server = app.listen(0, "127.0.0.1");
  const url = await listening(server);
  try {
    assert.equal(await (await fetch(`${url}/legacy`)).text(), "spare");
    assert.equal((await fetch(`${url}/items`)).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual([fates(monitor, "legacy"), fates(monitor, "cart")], [{ fallback: 1 }, { retried: 1 }]);
  } finally {
    server.close();
  }
});

test("frameworks: Fastify, with a Response and with a hook", async () => {
  const monitor = create();
  const cart = monitor.route({ upstream: "cart", retries: 1 });
  const fastify = Fastify();
  fastify.get("/items", async (_, reply) => reply.send(await cart(`${base}/flaky-fastify`)));
  fastify.get("/legacy/items", () => "hello");
  fastify.addHook("onResponse", async (request, reply) => {
    if (request.url.startsWith("/legacy/")) monitor.observe({ upstream: "legacy", status: reply.statusCode, durationMs: reply.elapsedTime });
  });
  const url = await fastify.listen({ port: 0, host: "127.0.0.1" });
  try {
    assert.equal((await fetch(`${url}/items`)).status, 200);
    assert.equal(await (await fetch(`${url}/legacy/items`)).text(), "hello");
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual([fates(monitor, "cart"), fates(monitor, "legacy")], [{ retried: 1 }, { clean: 1 }]);
  } finally {
    await fastify.close();
  }
});

test("frameworks: ky retries above `fetch`, and each of its attempts is counted", async () => {
  const monitor = create();
  const client = ky.create({ fetch: (request) => monitor.fetch(request, { upstream: "cart" }), retry: { limit: 1, delay: () => 1 } });
  assert.equal((await client(`${base}/flaky-ky`)).status, 200);
  await assert.rejects(client(`${base}/bad-ky`));
  await monitor.finish();
  assert.deepEqual(fates(monitor, "cart"), { clean: 1, failed: 3 });
});

test("frameworks: fetch, Request and Response of the npm package undici", async () => {
  const monitor = create();
  const options = { upstream: "cart", retries: 1, fetch: undici.fetch };
  const put = await monitor.fetch(new Request(`${base}/flaky-undici`, { method: "PUT", body: "three apples" }), options);
  assert.deepEqual([put.status, await put.text()], [200, "three apples"]);
  const foreign = await monitor.fetch(new undici.Request(`${base}/flaky-foreign`, { method: "PUT", body: "two pears" }), { upstream: "cart", retries: 1 });
  assert.deepEqual([foreign.status, await foreign.text()], [200, "two pears"]);
  for (const fallback of [new undici.Response("spare"), () => new undici.Response("spare")]) {
    assert.equal(await (await monitor.fetch(`${base}/bad`, { upstream: "cart", fallback })).text(), "spare");
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(fates(monitor, "cart"), { retried: 2, fallback: 2 });
});
