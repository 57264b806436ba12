// The wait that an upstream asks for before the next request.
import { secondsUntilReset } from "./quota.js";

/** Headers with the time at which a rate limit is reset, for upstreams that send no `Retry-After`. */
const RESETS = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset", "x-ratelimit-retry-after"];
const REMAINDERS = ["ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining"];
/** Numbers from here on are times: seconds of the Unix epoch, and milliseconds. */
const EPOCH_SECONDS = 1e9;
const EPOCH_MS = 1e12;

/** Returns the wait in milliseconds that a response asks for: that of `Retry-After`, or else until its exhausted rate limit is reset. */
export function requestedWait({ status, headers }, nowMs) {
  return retryAfter(headers, nowMs) ?? inMs(secondsUntilReset(headers.get("ratelimit"))) ?? untilReset(status, headers, nowMs);
}

/** Returns the wait of `Retry-After` in milliseconds, or nothing if the header is missing or invalid. */
export function retryAfter(headers, nowMs) {
  const ms = headers.get("retry-after-ms")?.trim();
  if (isNumber(ms)) return Number(ms);
  const value = headers.get("retry-after")?.trim();
  return /^\d+$/.test(value ?? "") ? Number(value) * 1_000 : untilDate(value, nowMs);
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

function inMs(seconds) {
  return seconds === undefined ? undefined : seconds * 1_000;
}

function isNumber(text) {
  return /^\d+(?:\.\d+)?$/.test(text ?? "");
}

function untilDate(text, nowMs) {
  // Some runtimes read any number as a year, and a word with a number as a date.
  const date = /\d\d:\d\d/.test(text ?? "") ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
