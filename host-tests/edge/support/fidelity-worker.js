// Runs the checks inside a Worker: GET /checks, one JSON line per check; GET /constant?first for a fallback that outlives its request;
// GET /unread for responses whose bodies stay unread, and GET /collected for their counts after a garbage collection.
import { nearMiss } from "nearmiss";
import { checks } from "fidelity";

const constants = {};
const monitor = nearMiss({ records: "none", onWarning: () => {} });
const unread = nearMiss({ records: "none", onWarning: () => {} });

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const origin = env.ORIGIN;
    const wrapped = { empty: () => new Response(""), json: () => Response.json({ a: 1 }), stream: streamed, cut: cutOff, gzip: gzipped, string: () => new Response("0123456789"), length: () => fetch(`${origin}/plain`), zip: () => fetch(`${origin}/gzip`) };
    switch (pathname.split("/")[1]) {
      case "checks":
        return new Response(await run(origin), { headers: { "content-type": "application/x-ndjson" } });
      case "constant":
        constants.response ??= new Response("spare");
        return monitor.fetch(`${origin}/status?code=503`, { upstream: "a", fallback: constants.response });
      case "unread":
        await unread.fetch(`${origin}/plain`, { upstream: "a" });
        return new Response("done");
      case "collected":
        gc();
        await new Promise((resolve) => setTimeout(resolve, 20));
        return Response.json(unread.stats());
      case "plain":
        return wrapped[pathname.split("/")[2]](request);
      case "wrap":
        return monitor.wrap(wrapped[pathname.split("/")[2]], { upstream: "a" })(request);
      case "fetch":
        return monitor.fetch(`${origin}/${searchParams.get("path")}`, { upstream: "a" });
      case "direct":
        return fetch(`${origin}/${searchParams.get("path")}`);
      case "metrics":
        return new Response(monitor.metrics());
      default:
        return new Response(null, { status: 404 });
    }
  },
};

async function run(origin) {
  const lines = [];
  for (const [name, check] of Object.entries(checks({ nearMiss, origin }))) {
    const error = await check().then(() => undefined, (failure) => failure?.stack ?? String(failure));
    lines.push(JSON.stringify({ name, error }));
  }
  return lines.join("\n");
}

/** A stream whose second chunk comes later. */
function streamed() {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  writer.write(new TextEncoder().encode("first "));
  setTimeout(() => writer.write(new TextEncoder().encode("second")).then(() => writer.close()), 100);
  return new Response(readable);
}

function cutOff() {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  writer.write(new TextEncoder().encode("first "));
  setTimeout(() => writer.abort(new Error("cut")).catch(() => {}), 100);
  return new Response(readable);
}

async function gzipped() {
  const body = new Response("compressed ".repeat(100)).body.pipeThrough(new CompressionStream("gzip"));
  return new Response(await new Response(body).arrayBuffer(), { headers: { "content-encoding": "gzip" }, encodeBody: "manual" });
}
