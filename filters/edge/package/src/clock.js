// Time: what the clock on the wall says, and how long things took. All of it in milliseconds.

/** Two clocks, or one if the caller brings it: then spans are differences of its readings. */
export function clock(now) {
  if (now !== undefined) return { now, ticks: now };
  return { now: () => Date.now(), ticks: () => performance.now() };
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
