// Parsing of the options of `monitor.fetch`.
import { durationOption, functionOption, integerOption, numberOption, refuse, refuseUnknown } from "./validate.js";

const OPTIONS = [
  "upstream", "route", "traceId", "retries", "timeout", "deadline", "fallback", "hedge", "retryUnsafe", "retryOn", "backoff",
  "replayBytes", "fetch", "ctx",
];
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);
/** Statuses that report an overloaded or unreachable upstream, where another attempt may succeed. */
const RETRY_ON = [429, 502, 503, 504];

/** Returns the validated options with defaults for a request with this method. */
export function parseFetchOptions(options, method, defaultFetch) {
  refuseUnknown(options, OPTIONS, "fetch");
  const { upstream, fallback, ctx, retryUnsafe = false, retryOn = RETRY_ON } = options;
  if (typeof upstream !== "string" || upstream === "") refuse("upstream", upstream, "a name");
  if (typeof retryUnsafe !== "boolean") refuse("retryUnsafe", retryUnsafe, "true or false");
  if (!Array.isArray(retryOn) || !retryOn.every(Number.isInteger)) refuse("retryOn", retryOn, "a list of statuses");
  if (ctx !== undefined && typeof ctx?.waitUntil !== "function") refuse("ctx", ctx, "an object with waitUntil");
  const mayRepeat = retryUnsafe || IDEMPOTENT.has(method);
  const retries = integerOption(options, "retries", 0, 20, "a whole number, 0 to 20", 0);
  const hedge = durationOption(options, "hedge");
  // A hedge is an attempt too.
  const maxAttempts = 1 + Math.max(retries, hedge === undefined ? 0 : 1);
  return {
    upstream,
    route: textOption(options, "route"),
    traceId: textOption(options, "traceId"),
    maxAttempts: mayRepeat ? maxAttempts : 1,
    timeout: durationOption(options, "timeout"),
    deadline: durationOption(options, "deadline"),
    hedge: mayRepeat ? hedge : undefined,
    fallback: fallbackFunction(fallback),
    retryOn: new Set(retryOn),
    backoff: backoffOptions(options.backoff ?? {}),
    replayBytes: integerOption(options, "replayBytes", 0, 1 << 24, "bytes, 0 to 16777216", 65_536),
    fetch: functionOption(options, "fetch", defaultFetch),
    ctx,
  };
}

function textOption(options, name) {
  const value = options[name];
  if (value !== undefined && typeof value !== "string") refuse(name, value, "a string");
  return value;
}

function backoffOptions(backoff) {
  refuseUnknown(backoff, ["base", "cap"], "backoff");
  return { base: durationOption(backoff, "base", 25), cap: numberOption(backoff, "cap", 1, 60_000, "milliseconds, 1 to 60000", 1_000) };
}

/** Converts a fallback of any type to a function that returns a response, or the target of a request. */
function fallbackFunction(fallback) {
  if (fallback === undefined || typeof fallback === "function") return fallback;
  if (fallback instanceof Response) return () => fallback.clone();
  if (fallback instanceof Request || fallback instanceof URL) return () => fallback;
  if (typeof fallback === "string" && URL.canParse(fallback)) return () => fallback;
  return refuse("fallback", fallback, "a URL, a Request, a Response or a function that returns one");
}
