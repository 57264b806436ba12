// How many retries an upstream may cost: a share of its traffic, so that retries never become the outage.

/** What may be spent before there was any traffic, and the most that can be saved up. */
const RESERVE = 10;

export class Budget {
  #share;
  #saved = RESERVE;

  constructor(share) {
    this.#share = share;
  }

  /** A first attempt earns its share of a retry. */
  earn() {
    this.#saved = Math.min(RESERVE, this.#saved + this.#share);
  }

  /** Pays for one more attempt, if that can be afforded. */
  pay() {
    // A share such as 0.1 adds up to a little less than the whole.
    if (this.#share === 0 || this.#saved < 1 - 1e-9) return false;
    this.#saved -= 1;
    return true;
  }
}
