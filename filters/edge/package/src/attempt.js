// One try of an exchange: a request, its timeout, and what came of it.

export class Attempt {
  #controller = new AbortController();
  #ticks;
  #started;
  #durationMs;
  /** What it got: `response`, or `error` with `timedOut` if that was why. Never rejects. */
  result;

  /** Sends `template` now. The timeout ends with the response's headers; `signal` ends everything, the body too. */
  constructor({ ticks, timers }, template, { fetch, timeout }, signal) {
    this.#ticks = ticks;
    this.#started = ticks();
    this.host = template.host;
    this.result = this.#send(timers, template, fetch, timeout, signal);
  }

  async #send(timers, template, fetch, timeout, signal) {
    let timedOut = false;
    const expire = () => {
      timedOut = true;
      this.abort();
    };
    const timer = timeout === undefined ? undefined : timers.setTimeout(expire, timeout);
    const own = this.#controller.signal;
    try {
      const response = await fetch(template.make(AbortSignal.any([own, signal])));
      this.status = response.status;
      return { attempt: this, response };
    } catch (error) {
      return { attempt: this, error, timedOut };
    } finally {
      this.#stop();
      if (timer !== undefined) timers.clearTimeout(timer);
    }
  }

  /** Nobody waits for it any more. */
  abort() {
    this.#stop();
    this.#controller.abort();
  }

  /** As the monitor is told of it: without a status if there was no answer. */
  get note() {
    return { host: this.host, status: this.status, durationMs: this.#durationMs ?? this.#passed() };
  }

  #stop() {
    this.#durationMs ??= this.#passed();
  }

  #passed() {
    return Math.max(0, this.#ticks() - this.#started);
  }
}

/** Lets go of a response that nobody will read. */
export function discard(response) {
  response?.body?.cancel().catch(() => {});
}
