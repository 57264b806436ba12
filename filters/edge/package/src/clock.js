// Clocks and timers, all in milliseconds.

/** The longest wait of a timer; a longer one would end at once. */
const MAX_WAIT_MS = 2 ** 31 - 1;

/** Returns a wall clock and a monotonic clock. If the caller brings a clock, it serves as both. */
export function clocks(now) {
  if (now === undefined) return { now: () => Date.now(), monotonicNow: () => performance.now() };
  const read = withLastValue(now, 0);
  return { now: read, monotonicNow: read };
}

/** Wraps the caller's `read`: if it throws or returns an invalid number, the last valid value is returned, or else `initial`. */
export function withLastValue(read, initial) {
  let last = initial;
  return () => {
    try {
      const value = read();
      if (Number.isFinite(value) && value >= 0) last = value;
    } catch {
      // A broken clock or random source must not stop traffic.
    }
    return last;
  };
}

/** Returns the caller's timers, in which no wait overflows. */
export function boundedTimers(timers) {
  return {
    setTimeout: (body, ms) => timers.setTimeout(body, Math.min(ms, MAX_WAIT_MS)),
    clearTimeout: (timer) => {
      try {
        timers.clearTimeout(timer);
      } catch {
        // A Worker has no timers outside a request, where an unread body is garbage-collected.
      }
    },
  };
}

/** Waits for `ms` milliseconds, or rejects when the signal aborts. */
export function sleep(timers, ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      timers.clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = timers.setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
