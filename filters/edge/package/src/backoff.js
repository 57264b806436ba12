// The wait before the next attempt.

/** Full jitter: a random wait up to a bound that doubles with every failed attempt. `failed` attempts came before. */
export function jitter(random, { base, cap }, failed) {
  return random() * Math.min(cap, base * 2 ** (failed - 1));
}

/** Returns the wait that `Retry-After` requests, in milliseconds, or nothing if the header is missing or invalid. */
export function retryAfter(headers, nowMs) {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Some runtimes read any number as a year.
  const date = /[a-z]/i.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/**
 * Returns the wait before the next attempt: the caller's `delay`, or full jitter and at least the `Retry-After` of the upstream.
 * Infinite if the upstream asks for more than `maxRetryAfter`.
 */
export function waitBefore({ random, now, guarded }, { backoff, delay, maxRetryAfter }, failed, outcome) {
  const requested = outcome.headers === undefined ? undefined : retryAfter(outcome.headers, now());
  const drawn = jitter(random, backoff, failed);
  const usual = requested > maxRetryAfter ? Infinity : Math.max(drawn, requested ?? 0);
  if (delay === undefined) return usual;
  const chosen = guarded("delay", () => delay({ ...outcome, retryAfter: requested, backoff: drawn }), usual);
  return Number.isFinite(chosen) && chosen >= 0 ? chosen : usual;
}
