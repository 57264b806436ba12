// Time: what the clock on the wall says, and how long things took. All of it in milliseconds.

/** Two clocks, or one if the caller brings it: then spans are differences of its readings. */
export function clock(now) {
  if (now === undefined) return { now: () => Date.now(), ticks: () => performance.now() };
  const read = unfailing(now, 0);
  return { now: read, ticks: read };
}

/** The caller's `read`, which may throw or give no number: then it says what it said before, or `first`. */
export function unfailing(read, first) {
  let last = first;
  return () => {
    try {
      const value = read();
      if (Number.isFinite(value) && value >= 0) last = value;
    } catch {
      // Traffic does not wait for a clock, nor for dice.
    }
    return last;
  };
}

/** Waits; ends early, with an error, when the signal does. */
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
