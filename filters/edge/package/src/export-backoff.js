// When a failing endpoint is tried again: exponential back-off with jitter, and at least the endpoint's `Retry-After`.
import { retryAfter } from "./requested-wait.js";

const BASE_MS = 1_000;
const CAP_MS = 60_000;
/** Longest `Retry-After` that is honoured. */
const MAX_RETRY_AFTER_MS = 600_000;

export class ExportBackoff {
  #failures = 0;
  #waitMs = 0;
  #until;

  /** Returns true if an export may start at `nowMs`. */
  allows(nowMs) {
    if (this.#waitMs === 0) return true;
    // Failures are seen without a clock, so the wait starts at the next look at it.
    this.#until ??= nowMs + this.#waitMs;
    // A clock that was set back does not prolong the wait.
    return nowMs >= this.#until || nowMs < this.#until - this.#waitMs;
  }

  succeeded() {
    this.#failures = 0;
    this.#waitMs = 0;
    this.#until = undefined;
  }

  /** `headers` are those of the response, if there was one. */
  failed(random, headers) {
    const bound = Math.min(CAP_MS, BASE_MS * 2 ** this.#failures);
    const requested = headers === undefined ? 0 : (retryAfter(headers, Date.now()) ?? 0);
    this.#failures += 1;
    this.#waitMs = Math.max(bound * (0.5 + random() / 2), Math.min(requested, MAX_RETRY_AFTER_MS));
    this.#until = undefined;
  }
}
