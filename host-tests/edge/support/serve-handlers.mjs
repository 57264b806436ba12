// Serves handlers in Deno or Bun with and without the package, and prints what a client gets: `serve-handlers.mjs PACKAGE`.
import { once } from "node:events";
import { get } from "node:http";
import process from "node:process";
import { text } from "node:stream/consumers";

const { nearMiss } = await import(process.argv[2]);
const monitor = nearMiss({ records: "none", onWarning: () => {} });
const handlers = {
  "/string": () => new Response("0123456789"),
  "/empty": () => new Response(""),
  "/json": () => Response.json({ a: 1 }),
  "/none": () => new Response(null, { status: 204 }),
  "/stream": () => {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    writer.write(new TextEncoder().encode("first "));
    setTimeout(() => writer.write(new TextEncoder().encode("second")).then(() => writer.close()), 50);
    return new Response(readable);
  },
};
const plain = (request) => handlers[new URL(request.url).pathname]();

function serve(handler) {
  if (globalThis.Bun) return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => handler(request) }).port;
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => handler(request)).addr.port;
}

async function seen(port, path) {
  const [response] = await once(get({ host: "127.0.0.1", port, path, agent: false }), "response");
  const { "content-length": length, "transfer-encoding": chunked, "content-type": type } = response.headers;
  return { status: response.statusCode, length, chunked, type, body: await text(response) };
}

const [plainPort, ourPort] = [serve(plain), serve(monitor.wrap(plain, { upstream: "a" }))];
const results = [];
for (const path of Object.keys(handlers)) results.push({ path, plain: await seen(plainPort, path), ours: await seen(ourPort, path) });
console.log(JSON.stringify({ results, exchanges: monitor.stats().upstreams.a.exchanges }));
process.exit(0);
