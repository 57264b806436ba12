// The wait that an upstream asks for before the next request.

/** Headers with the time at which a rate limit is reset, for upstreams that send no `Retry-After`. */
const RESETS = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset", "x-ratelimit-retry-after"];
const REMAINDERS = ["ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining"];
/** Numbers from here on are times: seconds of the Unix epoch, and milliseconds. */
const EPOCH_SECONDS = 1e9;
const EPOCH_MS = 1e12;

/** Returns the wait in milliseconds that a response asks for: that of `Retry-After`, or else until its exhausted rate limit is reset. */
export function requestedWait({ status, headers }, nowMs) {
  return retryAfter(headers, nowMs) ?? untilResetOfPolicies(headers.get("ratelimit")) ?? untilReset(status, headers, nowMs);
}

/** Returns the wait of `Retry-After` in milliseconds, or nothing if the header is missing or invalid. */
export function retryAfter(headers, nowMs) {
  const ms = headers.get("retry-after-ms")?.trim();
  if (isNumber(ms)) return Number(ms);
  const value = headers.get("retry-after")?.trim();
  return /^\d+$/.test(value ?? "") ? Number(value) * 1_000 : untilDate(value, nowMs);
}

/** Reads `"burst";r=0;t=30` of the current draft, and `limit=10, remaining=0, reset=30` of an earlier one. */
function untilResetOfPolicies(state) {
  const seconds = (state ?? "")
    .split(/,(?!\s*(?:remaining|reset)=)/)
    .filter((policy) => /\b(?:r|remaining)=0\b/.test(policy))
    .map((policy) => /\b(?:t|reset)=(\d{1,10})/.exec(policy)?.[1])
    .filter((found) => found !== undefined);
  return seconds.length > 0 ? Math.max(...seconds) * 1_000 : undefined;
}

function untilReset(status, headers, nowMs) {
  const first = (names) => names.map((name) => headers.get(name)?.trim()).find((found) => found);
  const remaining = first(REMAINDERS);
  const isExhausted = remaining === undefined ? status === 429 : Number(remaining) === 0;
  const value = first(RESETS);
  if (!isExhausted || !isNumber(value)) return isExhausted ? untilDate(value, nowMs) : undefined;
  const number = Number(value);
  if (number < EPOCH_SECONDS) return number * 1_000;
  return Math.max(0, (number < EPOCH_MS ? number * 1_000 : number) - nowMs);
}

function isNumber(text) {
  return /^\d+(?:\.\d+)?$/.test(text ?? "");
}

function untilDate(text, nowMs) {
  // Some runtimes read any number as a year, and a word with a number as a date.
  const date = /\d\d:\d\d/.test(text ?? "") ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
