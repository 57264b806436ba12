// Abort signals, also in edge runtimes that have neither `AbortSignal.any` nor `AbortSignal.timeout`.

/** Keeps a controller alive as long as its signal. */
const controllers = new WeakMap();

/** Returns a signal that aborts with the first of the signals. */
export function anySignal(signals) {
  if (AbortSignal.any !== undefined) return AbortSignal.any(signals);
  const controller = new AbortController();
  controllers.set(controller.signal, controller);
  // A signal may live longer than what depends on it, so it does not keep that alive.
  const weak = typeof WeakRef === "undefined" ? { deref: () => controller } : new WeakRef(controller);
  for (const signal of signals) {
    const onAbort = () => weak.deref()?.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  }
  return controller.signal;
}

/** Returns a signal that aborts after `ms` milliseconds. */
export function timeoutSignal(ms) {
  if (AbortSignal.timeout !== undefined) return AbortSignal.timeout(ms);
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DOMException("the request has timed out", "TimeoutError")), ms)?.unref?.();
  return controller.signal;
}
