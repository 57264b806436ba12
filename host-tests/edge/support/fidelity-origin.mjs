// An origin for the comparison with plain fetch.
import { createServer } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";

const seen = new Set();
const circles = new Map();

const PATHS = {
  "/plain": (request, response) => {
    const range = /^bytes=(\d)-(\d)$/.exec(request.headers.range ?? "");
    const body = range ? "0123456789".slice(Number(range[1]), Number(range[2]) + 1) : "0123456789";
    response.writeHead(range ? 206 : 200, { "content-length": String(body.length), "set-cookie": ["a=1", "b=2"] });
    response.end(body);
  },
  "/json": (_, response) => response.writeHead(200, { "content-type": "application/json" }).end('{"a":1}'),
  "/redirect": (_, response) => response.writeHead(302, { location: "/plain" }).end(),
  "/gzip": (_, response) => {
    const body = gzipSync("compressed ".repeat(100));
    response.writeHead(200, { "content-encoding": "gzip", "content-length": String(body.length) }).end(body);
  },
  "/status": (_, response, url) => response.writeHead(Number(url.searchParams.get("code")), "Custom").end(url.searchParams.get("code") >= 400 ? "no" : undefined),
  "/halves": (_, response) => {
    response.writeHead(200, { "content-length": "22" });
    response.write("first half ");
    const timer = setTimeout(() => response.end("second half"), 1_500);
    response.on("close", () => clearTimeout(timer));
  },
  "/silent": () => {},
  "/circle": (_, response, url) => {
    const id = url.searchParams.get("id");
    circles.set(id, (circles.get(id) ?? 0) + 1);
    response.writeHead(302, { location: url.pathname + url.search }).end();
  },
  "/circles": (_, response, url) => response.end(String(circles.get(url.searchParams.get("id")) ?? 0)),
  "/request": async (request, response) => {
    const { "content-length": length, "transfer-encoding": encoding, "content-type": type, referer } = request.headers;
    response.end(JSON.stringify({ method: request.method, length, encoding, type: type?.split(";")[0], referer, body: await text(request) }));
  },
  "/drip": (_, response) => {
    let count = 0;
    const timer = setInterval(() => (response.write(`chunk ${(count += 1)};`), count === 3 && response.end()), 20);
    response.on("close", () => clearInterval(timer));
  },
  "/echo": async (request, response) => response.end(await text(request)),
  "/upload": (request, response) => {
    request.resume();
    request.on("error", () => {});
    request.on("close", () => response.end("done"));
  },
  "/flaky-echo": async (request, response, url) => {
    const body = await text(request);
    const id = url.searchParams.get("id");
    if (seen.has(id)) return response.end(body);
    seen.add(id);
    response.writeHead(503).end("no");
  },
};

/** Starts the origin. */
export async function startFidelityOrigin() {
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://origin");
    PATHS[url.pathname](request, response, url);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  return { port, url: `http://127.0.0.1:${port}`, stop: () => (server.closeAllConnections(), server.close()) };
}
