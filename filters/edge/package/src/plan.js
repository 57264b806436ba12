// How an exchange is to be made: the options of a fetch, checked.
import { callable, known, number, refuse, span, whole } from "./settings.js";

const OPTIONS = [
  "upstream", "route", "traceId", "retries", "timeout", "deadline", "fallback", "hedge", "retryUnsafe", "retryOn", "backoff",
  "replayBytes", "fetch", "ctx",
];
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);
/** The upstream is busy, or somebody before it is: another try may well find it in better shape. */
const RETRY_ON = [429, 502, 503, 504];

/** The plan for a request. */
export function planOf(options, method, standard) {
  known(options, OPTIONS, "fetch");
  const { upstream, fallback, ctx, retryUnsafe = false, retryOn = RETRY_ON } = options;
  if (typeof upstream !== "string" || upstream === "") refuse("upstream", upstream, "a name");
  if (typeof retryUnsafe !== "boolean") refuse("retryUnsafe", retryUnsafe, "true or false");
  if (!Array.isArray(retryOn) || !retryOn.every(Number.isInteger)) refuse("retryOn", retryOn, "a list of statuses");
  if (ctx !== undefined && typeof ctx?.waitUntil !== "function") refuse("ctx", ctx, "an object with waitUntil");
  const mayRepeat = retryUnsafe || IDEMPOTENT.has(method);
  const retries = whole(options, "retries", 0, 20, "a whole number, 0 to 20", 0);
  const hedge = span(options, "hedge");
  // A hedge is an attempt too.
  const most = 1 + Math.max(retries, hedge === undefined ? 0 : 1);
  return {
    upstream,
    route: text(options, "route"),
    traceId: text(options, "traceId"),
    maxAttempts: mayRepeat ? most : 1,
    timeout: span(options, "timeout"),
    deadline: span(options, "deadline"),
    hedge: mayRepeat ? hedge : undefined,
    fallback: fallbackOf(fallback),
    retryOn: new Set(retryOn),
    backoff: backoffOf(options.backoff ?? {}),
    replayBytes: whole(options, "replayBytes", 0, 1 << 24, "bytes, 0 to 16777216", 65_536),
    fetch: callable(options, "fetch", standard),
    ctx,
  };
}

function text(options, name) {
  const value = options[name];
  if (value !== undefined && typeof value !== "string") refuse(name, value, "a text");
  return value;
}

function backoffOf(backoff) {
  known(backoff, ["base", "cap"], "backoff");
  return { base: span(backoff, "base", 25), cap: number(backoff, "cap", 1, 60_000, "milliseconds, 1 to 60000", 1_000) };
}

/** A fallback in any shape, as a function from the request to a response, or to a request for one. */
function fallbackOf(fallback) {
  if (fallback === undefined || typeof fallback === "function") return fallback;
  if (fallback instanceof Response) return () => fallback.clone();
  if (fallback instanceof Request || fallback instanceof URL) return () => fallback;
  if (typeof fallback === "string" && URL.canParse(fallback)) return () => fallback;
  return refuse("fallback", fallback, "a URL, a Request, a Response or a function that gives one");
}
