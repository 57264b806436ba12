// Uses the whole public API, for a strict compiler to check.
import { Monitor, nearMiss, otlp, type FetchOptions, type Note, type Route, type Sink, type Verdict } from "nearmiss";

const sink: Sink = otlp({ url: "http://collector/v1/logs", headers: { authorization: "none" }, batch: 10 });
const monitor: Monitor = nearMiss({
  config: { upstreams: { cart: { timeout: "500ms", max_attempts: 3 } }, edge: { header: true, inspect_bytes: 4096 } },
  records: sink,
  now: () => Date.now(),
  random: () => 0.5,
});
const options: FetchOptions = { upstream: "cart", retries: 2, hedge: 100, fallback: new URL("http://spare/") };
const note: Note = { attempt: { host: "a:80", status: 503, durationMs: 3 }, fallback: true };

interface Env {
  CART: { fetch(request: Request): Promise<Response> };
}

export const handler = monitor.wrap(async (request: Request, env: Env) => {
  monitor.note(request, note);
  return monitor.fetch(request, { ...options, fetch: (attempt) => env.CART.fetch(attempt) });
});

// Optional values may be undefined.
export const maybe: FetchOptions = { upstream: "cart", timeout: undefined, backoff: { base: undefined }, retry: undefined };
const cart: Route = monitor.route({
  upstream: "cart",
  retry: ({ status, error }) => error !== undefined || status === 503,
  delay: ({ attempt, retryAfter, backoff }) => retryAfter ?? backoff * attempt,
  onAttempt: ({ reason, durationMs }) => console.log(reason, durationMs),
  fallback: async (request, _cause, { signal }) => fetch("http://spare/", { method: request.method, signal }),
});
void cart(new Request("http://cart/"), { ctx: null });
void monitor.fetch("http://cart/", cart);
const judged: Verdict = monitor.observe({ upstream: "cart", status: 200, durationMs: 12, fallback: true, route: "items" });
const failures: number | undefined = monitor.stats().upstreams["cart"]?.fates.failed;
monitor.forget("cart");

interface SpecialRequest extends Request {
  readonly cf: object;
}
export const special: (request: SpecialRequest) => Promise<Response> = monitor.wrap(async (request: SpecialRequest) => Response.json(request.cf));
// @ts-expect-error a configuration has no such field
nearMiss({ config: { summaryEvery: "60s" } });

const verdict: number = monitor.observe(monitor.upstream("cart"), Date.now(), 200, 12.5);
const done: Promise<void> = monitor.finish();
export { done, failures, judged, verdict };

// @ts-expect-error the upstream is required
void monitor.fetch("http://cart/", { retries: 1 });
// @ts-expect-error a note has no such field
monitor.note(new Request("http://cart/"), { retried: true });
