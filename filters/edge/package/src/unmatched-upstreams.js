// Names the configured upstreams that never occur, because most of them are misspelled.

/** Time after the first record after which an upstream should have occurred. */
const DUE_AFTER_MS = 600_000;

export class UnmatchedUpstreams {
  #now;
  #due;

  constructor(now) {
    this.#now = now;
  }

  /** Calls `report` with a message for each of them, once they are due. Called for each record, so that an exchange costs nothing more. */
  check(names, report) {
    const now = this.#now();
    this.#due ??= now + DUE_AFTER_MS;
    if (now < this.#due) return;
    this.#due = Infinity;
    for (const name of names()) report(`\`upstreams.${name}\` of the configuration has matched no upstream in ten minutes`);
  }

  /** Starts again, with another configuration. */
  restart() {
    this.#due = undefined;
  }
}
