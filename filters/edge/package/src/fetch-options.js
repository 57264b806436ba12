// Parsing of the options of `monitor.fetch` and `monitor.route`.
import { parseFallback } from "./fallback.js";
import { durationOption, functionOption, integerOption, numberOption, refuse, refuseUnknown } from "./validate.js";

const OPTIONS = [
  "upstream", "route", "traceId", "retries", "timeout", "deadline", "fallback", "hedge", "retryUnsafe", "retryOn", "retry", "backoff",
  "delay", "maxRetryAfter", "onAttempt", "replayBytes", "fetch", "ctx",
];
/** Options that may differ from exchange to exchange of a route. */
const OPTIONS_OF_EXCHANGE = ["traceId", "fetch", "ctx"];
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);
/** Statuses that report an overloaded or unreachable upstream, where another attempt may succeed. */
const RETRY_ON = [429, 502, 503, 504];

/** The options of a route, checked once. */
export class RoutePolicy {
  /** Throws a `TypeError` that names an invalid option. */
  constructor(options = {}, defaultFetch) {
    refuseUnknown(options, OPTIONS, "fetch");
    const { upstream, retryUnsafe = false, retryOn = RETRY_ON } = options;
    if (typeof upstream !== "string" || upstream === "") refuse("upstream", upstream, "a name");
    if (typeof retryUnsafe !== "boolean") refuse("retryUnsafe", retryUnsafe, "true or false");
    if (!Array.isArray(retryOn) || !retryOn.every(isStatus)) refuse("retryOn", retryOn, "a list of statuses, 100 to 999");
    this.upstream = upstream;
    this.route = textOption(options, "route");
    this.retries = integerOption(options, "retries", 0, 20, "a whole number, 0 to 20", 0);
    this.hedge = durationOption(options, "hedge");
    this.timeout = durationOption(options, "timeout");
    this.deadline = durationOption(options, "deadline");
    this.fallback = parseFallback(options.fallback);
    this.retryUnsafe = retryUnsafe;
    this.retryOn = new Set(retryOn);
    this.retry = functionOption(options, "retry");
    this.backoff = backoffOptions(options.backoff ?? {});
    this.delay = functionOption(options, "delay");
    this.maxRetryAfter = numberOption(options, "maxRetryAfter", 0, 86_400_000, "milliseconds, 0 to a day", 10_000);
    this.onAttempt = functionOption(options, "onAttempt");
    this.replayBytes = integerOption(options, "replayBytes", 0, 1 << 24, "bytes, 0 to 16777216", 65_536);
    Object.assign(this, exchangeOptions(options, defaultFetch));
  }

  /** Returns the policy with the options of one exchange. */
  with(options) {
    refuseUnknown(options, OPTIONS_OF_EXCHANGE, "an exchange of a route");
    const { traceId, fetch, ctx } = exchangeOptions(options, this.fetch);
    return Object.assign(Object.create(this), { traceId: traceId ?? this.traceId, fetch, ctx: ctx ?? this.ctx });
  }
}

/** Returns the options for a request: one that may not be repeated is sent once. */
export function forRequest(policy, { method, headers }) {
  const mayRepeat = policy.retryUnsafe || IDEMPOTENT.has(method) || headers.has("idempotency-key");
  // A hedge is an attempt too.
  const maxAttempts = 1 + Math.max(policy.retries, policy.hedge === undefined ? 0 : 1);
  return Object.assign(Object.create(policy), {
    maxAttempts: mayRepeat ? maxAttempts : 1,
    hedge: mayRepeat ? policy.hedge : undefined,
  });
}

function exchangeOptions(options, defaultFetch) {
  const ctx = options.ctx ?? undefined;
  if (ctx !== undefined && typeof ctx.waitUntil !== "function") refuse("ctx", ctx, "an object with waitUntil");
  const traceId = textOption(options, "traceId");
  if (traceId !== undefined && !/^[0-9a-f]{32}$/i.test(traceId)) refuse("traceId", traceId, "32 hexadecimal digits");
  return { traceId, fetch: functionOption(options, "fetch", defaultFetch), ctx };
}

function isStatus(value) {
  return Number.isInteger(value) && value >= 100 && value <= 999;
}

function textOption(options, name) {
  const value = options[name] ?? undefined;
  if (value !== undefined && typeof value !== "string") refuse(name, value, "a string");
  return value;
}

function backoffOptions(backoff) {
  refuseUnknown(backoff, ["base", "cap"], "backoff");
  const base = durationOption(backoff, "base", 25);
  const cap = numberOption(backoff, "cap", 1, 60_000, "milliseconds, 1 to 60000", Math.max(1_000, base));
  if (cap < base) refuse("cap", cap, `at least \`base\`, ${base}`);
  return { base, cap };
}
