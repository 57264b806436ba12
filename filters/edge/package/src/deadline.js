// The deadline of an exchange.
import { anySignal } from "./signals.js";

export class Deadline {
  #timers;
  #timer;
  #ends;
  #monotonicNow;
  #expired = new AbortController();
  #onExpire = [];
  hasPassed = false;
  /** Aborts when the deadline passes or the caller aborts. */
  signal;

  /** Without `ms` there is no deadline. */
  constructor({ timers, monotonicNow }, ms, callerSignal) {
    this.#timers = timers;
    this.#monotonicNow = monotonicNow;
    this.signal = callerSignal ? anySignal([callerSignal, this.#expired.signal]) : this.#expired.signal;
    if (ms === undefined) return;
    this.#ends = monotonicNow() + ms;
    // What arrived while the event loop was blocked is delivered after the timers, so the deadline waits for one more turn.
    this.#timer = timers.setTimeout(() => (this.#timer = timers.setTimeout(() => this.#expire(), 0)), ms);
  }

  /** Time left, in milliseconds; infinite without a deadline. */
  get remainingMs() {
    return this.#ends === undefined ? Infinity : this.#ends - this.#monotonicNow();
  }

  /** Calls `body` when the deadline passes, after `signal` has aborted. */
  onExpire(body) {
    this.#onExpire.push(body);
  }

  /** Lets the process end before the deadline, once only the response's body is left. */
  unref() {
    this.#timer?.unref?.();
  }

  cancel() {
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#onExpire = [];
  }

  #expire() {
    this.hasPassed = true;
    this.#expired.abort(new DOMException("the deadline has passed", "TimeoutError"));
    for (const body of this.#onExpire) body();
  }
}
