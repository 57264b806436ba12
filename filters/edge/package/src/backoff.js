// How long to wait before the next attempt.

/** Full jitter: anything up to a bound that doubles. `failed` attempts came before. */
export function jitter(random, { base, cap }, failed) {
  return random() * Math.min(cap, base * 2 ** (failed - 1));
}

/** What `Retry-After` asks for, in milliseconds; nothing if it is not there or makes no sense. */
export function retryAfter(headers, nowMs) {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
