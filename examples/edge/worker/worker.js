// A Worker in front of two origins of a shop: a cart with retries and a fallback, and a search with hedging.
import { nearMiss, otlp } from "nearmiss";

const UPSTREAMS = {
  cart: {
    retries: 2,
    timeout: 1_000,
    deadline: 5_000,
    fallback: () => Response.json({ items: [], note: "the cart is temporarily unavailable" }),
  },
  search: { hedge: 200, timeout: 2_000, deadline: 5_000 },
};

// One monitor for the lifetime of the isolate.
let monitor;

function createMonitor(env) {
  const records = otlp({
    url: "http://collector/v1/logs",
    service: "shop-gateway",
    delay: 1_000,
    fetch: (request) => env.COLLECTOR.fetch(request),
  });
  const config = { edge: { header: true, server_timing: true, inspect_bytes: 65_536 }, summary_every: "10s" };
  return nearMiss({ config, records, source: "shop-gateway" });
}

export default {
  async fetch(request, env, ctx) {
    monitor ??= createMonitor(env);
    const { pathname, search } = new URL(request.url);
    const name = pathname.split("/")[1];
    if (!Object.hasOwn(UPSTREAMS, name)) return new Response("There is nothing here.\n", { status: 404 });
    return monitor.fetch(new Request(`http://${name}${pathname}${search}`, request), {
      upstream: name,
      ...UPSTREAMS[name],
      fetch: (attempt) => env[name.toUpperCase()].fetch(attempt),
      ctx,
    });
  },

  // A cron trigger, so that summaries are emitted when there is no traffic.
  async scheduled(event, env, ctx) {
    monitor ??= createMonitor(env);
    monitor.wake();
    ctx.waitUntil(monitor.flush());
  },
};
