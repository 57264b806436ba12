// The retry budget of an upstream: additional attempts are limited to a share of its traffic, so that they cannot cause an outage.
//
// Each exchange earns the share of an attempt. What is not spent is saved, up to the share of the exchanges in flight, so that a burst of
// failures at high traffic is retried, and at least up to a minimum, so that low traffic is retried at all.

/** The exchanges in flight are those of the last one to two seconds at their peak, so that the order of responses does not matter. */
const WINDOW_MS = 1_000;

export class RetryBudget {
  #share;
  #minimum;
  #saved;
  #inFlight = 0;
  #peak = 0;
  #previousPeak = 0;
  #windowStart = 0;

  constructor({ share, minimum }) {
    this.#share = share;
    this.#minimum = minimum;
    this.#saved = minimum;
  }

  /** Counts an exchange as in flight until `leave`. */
  enter(nowMs) {
    this.#roll(nowMs);
    this.#inFlight += 1;
    this.#peak = Math.max(this.#peak, this.#inFlight);
    const most = Math.max(this.#minimum, this.#share * Math.max(this.#peak, this.#previousPeak));
    this.#saved = Math.min(most, this.#saved + this.#share);
  }

  leave() {
    this.#inFlight -= 1;
  }

  /** Pays for one more attempt. Returns false if the budget is exhausted. */
  withdraw() {
    // Shares such as 0.1 add up to slightly less than 1.
    if (this.#share === 0 || this.#saved < 1 - 1e-9) return false;
    this.#saved -= 1;
    return true;
  }

  #roll(nowMs) {
    const age = nowMs - this.#windowStart;
    if (age >= 0 && age < WINDOW_MS) return;
    this.#previousPeak = age >= 0 && age < 2 * WINDOW_MS ? this.#peak : this.#inFlight;
    this.#peak = this.#inFlight;
    this.#windowStart = nowMs;
  }
}
