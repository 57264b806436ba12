// One attempt of an exchange: a request, its timeout and its result.
import { abortable } from "./abortable.js";
import { causeOf, isForbiddenRedirect, isProgrammingError } from "./cause.js";
import { anySignal } from "./signals.js";
import { countedStatus } from "./statuses.js";
import { isResponse, send } from "./transport.js";

export class Attempt {
  #controller = new AbortController();
  #monotonicNow;
  #started;
  #durationMs;
  /** Resolves to `{ attempt, response }`, or to `{ attempt, error, timedOut, isMistake, isFinal }`. Never rejects. */
  result;

  /** Sends `request` immediately. The timeout covers the response headers; `signal` aborts the attempt and its body. */
  constructor({ monotonicNow, timers }, request, { fetch, timeout }, signal) {
    this.#monotonicNow = monotonicNow;
    this.#started = monotonicNow();
    this.host = request.host;
    this.result = this.#send(timers, request, fetch, timeout, signal);
  }

  async #send(timers, request, fetch, timeout, outer) {
    let timedOut = false;
    let timer;
    const expire = () => {
      timedOut = true;
      this.abort(new DOMException("the attempt has timed out", "TimeoutError"));
    };
    // A response that arrived while the event loop was blocked is delivered after the timers, so the timeout waits for one more turn.
    if (timeout !== undefined) timer = timers.setTimeout(() => (timer = timers.setTimeout(expire, 0)), timeout);
    const signal = anySignal([this.#controller.signal, outer]);
    try {
      const response = await abortable(() => send(fetch, request.create(signal)), signal, discard);
      if (!isResponse(response)) throw notAResponse(response);
      if (response.type === "error") throw new DOMException("the transport returned Response.error()", "NetworkError");
      this.status = countedStatus(response);
      return { attempt: this, response };
    } catch (error) {
      this.error = error;
      this.isCancelled = signal.aborted && !timedOut;
      this.reason = timedOut ? "timeout" : signal.aborted ? "cancelled" : causeOf(error);
      const isMistake = !signal.aborted && isProgrammingError(error);
      return { attempt: this, error, timedOut, isMistake, isFinal: isForbiddenRedirect(error) };
    } finally {
      this.#stop();
      if (timer !== undefined) timers.clearTimeout(timer);
    }
  }

  /** Cancels the attempt and the body of its response. */
  abort(reason) {
    this.#stop();
    this.#controller.abort(reason);
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

function notAResponse(value) {
  return new TypeError(`nearmiss: \`fetch\` returned ${Object.prototype.toString.call(value)}; it takes a function that returns a Response`);
}

/** Cancels the body of a response that is not used. */
export function discard(response) {
  try {
    response?.body?.cancel().catch(() => {});
  } catch {
    // A body that is being read cannot be cancelled.
  }
}
