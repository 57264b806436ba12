// The retry budget of an upstream: retries are limited to a share of its traffic, so that they cannot cause an outage.

/** Retries that are available before any traffic, and the most that can be saved up. */
const RESERVE = 10;

export class RetryBudget {
  #share;
  #balance = RESERVE;

  constructor(share) {
    this.#share = share;
  }

  /** Earns the share of a retry that a first attempt is worth. */
  deposit() {
    this.#balance = Math.min(RESERVE, this.#balance + this.#share);
  }

  /** Pays for one more attempt. Returns false if the budget is exhausted. */
  withdraw() {
    // Shares such as 0.1 add up to slightly less than 1.
    if (this.#share === 0 || this.#balance < 1 - 1e-9) return false;
    this.#balance -= 1;
    return true;
  }
}
