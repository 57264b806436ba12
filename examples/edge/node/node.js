// The gateway in Node: `node node.js`.
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { finish, handle } from "./gateway.js";

const server = createServer(async (incoming, outgoing) => {
  const disconnected = new AbortController();
  outgoing.on("close", () => outgoing.writableFinished || disconnected.abort());
  try {
    const response = await handle(requestOf(incoming, disconnected.signal));
    outgoing.writeHead(response.status, [...response.headers].flat());
    if (response.body === null) outgoing.end();
    else await pipeline(Readable.fromWeb(response.body), outgoing);
  } catch (error) {
    if (disconnected.signal.aborted) return;
    console.error(error.message);
    outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(500).end();
  }
});

function requestOf(incoming, signal) {
  const { method, url, headers } = incoming;
  const hasBody = !["GET", "HEAD"].includes(method);
  // Hop-by-hop headers are not forwarded.
  const { connection, "transfer-encoding": chunked, expect, ...forwarded } = headers;
  return new Request(`http://gateway${url}`, {
    method,
    headers: forwarded,
    body: hasBody ? Readable.toWeb(incoming) : undefined,
    duplex: "half",
    redirect: "manual",
    signal,
  });
}

server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on("SIGTERM", async () => {
  await finish();
  process.exit(0);
});
