// The retry budget of an upstream: additional attempts are limited to a share of its traffic, so that they cannot cause an outage.
//
// Two rules permit an additional attempt. At high traffic, as many may be in progress as the share of the exchanges in flight. At low
// traffic, where that share is less than one, each exchange earns the share of an attempt, and a minimum can be saved up.

/** The exchanges in flight are those of the last one to two seconds at their peak, so that the order of responses does not matter. */
const WINDOW_MS = 1_000;

export class RetryBudget {
  #share;
  #minimum;
  #saved;
  #inFlight = 0;
  #additional = 0;
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
    this.#saved = Math.min(this.#minimum, this.#saved + this.#share);
  }

  leave() {
    this.#inFlight -= 1;
  }

  /** Permits an additional attempt, which is in progress until `release`. Returns false if the budget is exhausted. */
  withdraw(nowMs) {
    if (this.#share === 0) return false;
    this.#roll(nowMs);
    const permitted = this.#share * Math.max(this.#peak, this.#previousPeak);
    if (this.#additional + 1 > permitted) {
      // Shares such as 0.1 add up to slightly less than 1.
      if (this.#saved < 1 - 1e-9) return false;
      this.#saved -= 1;
    }
    this.#additional += 1;
    return true;
  }

  release() {
    this.#additional -= 1;
  }

  #roll(nowMs) {
    const age = nowMs - this.#windowStart;
    if (age >= 0 && age < WINDOW_MS) return;
    this.#previousPeak = age >= 0 && age < 2 * WINDOW_MS ? this.#peak : this.#inFlight;
    this.#peak = this.#inFlight;
    this.#windowStart = nowMs;
  }
}
