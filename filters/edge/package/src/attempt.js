// One attempt of an exchange: a request, its timeout and its result.

export class Attempt {
  #controller = new AbortController();
  #monotonicNow;
  #started;
  #durationMs;
  /** Resolves to `{ response }`, or to `{ error, timedOut }`. Never rejects. */
  result;

  /** Sends `request` immediately. The timeout covers the response headers; `signal` aborts the attempt and its body. */
  constructor({ monotonicNow, timers }, request, { fetch, timeout }, signal) {
    this.#monotonicNow = monotonicNow;
    this.#started = monotonicNow();
    this.host = request.host;
    this.result = this.#send(timers, request, fetch, timeout, signal);
  }

  async #send(timers, request, fetch, timeout, signal) {
    let timedOut = false;
    const expire = () => {
      timedOut = true;
      this.abort();
    };
    const timer = timeout === undefined ? undefined : timers.setTimeout(expire, timeout);
    const own = this.#controller.signal;
    try {
      const response = await fetch(request.create(AbortSignal.any([own, signal])));
      this.status = response.status;
      return { attempt: this, response };
    } catch (error) {
      return { attempt: this, error, timedOut };
    } finally {
      this.#stop();
      if (timer !== undefined) timers.clearTimeout(timer);
    }
  }

  /** Cancels the attempt. */
  abort() {
    this.#stop();
    this.#controller.abort();
  }

  /** The attempt as the monitor logs it, without a status if there was no response. */
  get note() {
    return { host: this.host, status: this.status, durationMs: this.#durationMs ?? this.#elapsed() };
  }

  #stop() {
    this.#durationMs ??= this.#elapsed();
  }

  #elapsed() {
    return Math.max(0, this.#monotonicNow() - this.#started);
  }
}

/** Cancels the body of a response that is not used. */
export function discard(response) {
  response?.body?.cancel().catch(() => {});
}
