// Promises that end with a signal, even if the work behind them ignores it.

/** Settles as `body()` does, or rejects with the reason of `signal`. A result that comes too late is passed to `onLate`. */
export function abortable(body, signal, onLate = () => {}) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    Promise.resolve()
      .then(body)
      .then((value) => (signal.aborted ? onLate(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener("abort", stop))
      .catch(() => {});
  });
}
