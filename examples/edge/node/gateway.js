// A gateway in front of two origins, for any runtime with a fetch: a cart that is asked again and has a stand-in, a search that
// is hedged, and mail whose client brings retries of its own.
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
    plan: {
      upstream: "cart",
      retries: 2,
      timeout: 1_000,
      deadline: 5_000,
      fallback: () => Response.json({ items: [], note: "the cart is away for a moment" }),
    },
  },
  search: { origin: SEARCH, plan: { upstream: "search", hedge: 200, timeout: 2_000, deadline: 5_000 } },
};

// It tells what it did with notes, and is counted like the rest.
const mail = monitor.wrap((request) => sendMail(MAIL, request, (facts) => monitor.note(request, facts)), { upstream: "mail" });

/** Answers one request. */
export async function handle(request) {
  const { pathname, search } = new URL(request.url);
  const name = pathname.split("/")[1];
  if (name === "metrics") return new Response(monitor.metrics(), { headers: { "content-type": "text/plain" } });
  if (name === "mail") return mail(request);
  const upstream = UPSTREAMS[name];
  if (upstream === undefined) return new Response("There is nothing here.\n", { status: 404 });
  const response = await monitor.fetch(new Request(`${upstream.origin}${pathname}${search}`, request), upstream.plan);
  return unpacked(response);
}

/** A fetch unpacks what an origin has packed, but leaves the headers that say so. */
function unpacked(response) {
  if (!response.headers.has("content-encoding")) return response;
  const headers = new Headers(response.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  return new Response(response.body, { status: response.status, headers });
}

/** Sends what is left, at the end. */
export const finish = () => monitor.finish();
