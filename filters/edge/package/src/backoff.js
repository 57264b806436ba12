// The wait before the next attempt.

/** Full jitter: a random wait up to a bound that doubles with every failed attempt. `failed` attempts came before. */
export function jitter(random, { base, cap }, failed) {
  return random() * Math.min(cap, base * 2 ** (failed - 1));
}

/** Returns the wait that `Retry-After` requests, in milliseconds, or nothing if the header is missing or invalid. */
export function retryAfter(headers, nowMs) {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
