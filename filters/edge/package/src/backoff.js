// The wait before the next attempt.
import { requestedWait } from "./requested-wait.js";

/** Full jitter: a random wait up to a bound that doubles with every failed attempt. `failed` attempts came before. */
export function jitter(random, { base, cap }, failed) {
  return random() * Math.min(cap, base * 2 ** (failed - 1));
}

/**
 * Returns the wait before the next attempt: the caller's `delay`, or full jitter and at least the wait that the upstream asks for.
 * Infinite if the upstream asks for more than `maxRetryAfter`.
 */
export function waitBefore({ random, now, guarded }, { backoff, delay, maxRetryAfter }, failed, outcome) {
  const requested = outcome.headers === undefined ? undefined : requestedWait(outcome, now());
  const drawn = jitter(random, backoff, failed);
  const usual = requested > maxRetryAfter ? Infinity : Math.max(drawn, requested ?? 0);
  if (delay === undefined) return usual;
  return guarded("delay", () => checkedWait(delay({ ...outcome, retryAfter: requested, backoff: drawn })), usual);
}

function checkedWait(wait) {
  if (typeof wait === "number" && wait >= 0) return wait;
  throw new TypeError(`it returned ${typeof wait === "number" ? wait : typeof wait}; it takes milliseconds, 0 or more`);
}
