// A gateway for any runtime with `fetch`, in front of three origins: a cart with retries and a fallback, a search with hedging,
// and mail, whose client retries by itself.
import process from "node:process";
import { nearMiss } from "nearmiss";
import { sendMail } from "./mail.js";

const { CART = "http://127.0.0.1:9001", SEARCH = "http://127.0.0.1:9002", MAIL = "http://127.0.0.1:9003" } = process.env;

const monitor = nearMiss({
  config: { edge: { header: true, server_timing: true, inspect_bytes: 65_536 }, summary_every: "10s" },
  source: "shop-gateway",
  wakeEvery: 1_000,
});

const UPSTREAMS = {
  cart: {
    origin: CART,
    options: {
      upstream: "cart",
      retries: 2,
      timeout: 1_000,
      deadline: 5_000,
      fallback: () => Response.json({ items: [], note: "the cart is temporarily unavailable" }),
    },
  },
  search: { origin: SEARCH, options: { upstream: "search", hedge: 200, timeout: 2_000, deadline: 5_000 } },
};

// The mail client reports its attempts with notes, and is counted like the others.
const mail = monitor.wrap((request) => sendMail(MAIL, request, (note) => monitor.note(request, note)), { upstream: "mail" });

/** Handles one request. */
export async function handle(request) {
  const { pathname, search } = new URL(request.url);
  const name = pathname.split("/")[1];
  if (name === "metrics") return new Response(monitor.metrics(), { headers: { "content-type": "text/plain" } });
  if (name === "mail") return mail(request);
  const upstream = UPSTREAMS[name];
  if (upstream === undefined) return new Response("There is nothing here.\n", { status: 404 });
  const response = await monitor.fetch(new Request(`${upstream.origin}${pathname}${search}`, request), upstream.options);
  return decompressed(response);
}

/** Removes headers that no longer apply: `fetch` decompresses the body, but keeps the headers of the compressed one. */
function decompressed(response) {
  if (!response.headers.has("content-encoding")) return response;
  const headers = new Headers(response.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  return new Response(response.body, { status: response.status, headers });
}

/** Emits the remaining records on shutdown. */
export const finish = () => monitor.finish();
