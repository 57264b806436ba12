// Messages for the operator, each at most once a minute, so that an outage does not flood the console.

const INTERVAL_MS = 60_000;
/** Maximum number of messages that are remembered. */
const MAX_KEYS = 200;
/** Maximum length of an error in a message. */
const MAX_LENGTH = 300;

export class Warnings {
  #now;
  #write;
  #shown = new Map();

  /** `write(message, error)` shows a message; its failures are ignored. */
  constructor(now, write) {
    this.#now = now;
    this.#write = write;
  }

  /** Shows a message, unless one with this key was shown within the last minute. Never throws. */
  show(key, message, error) {
    const now = this.#now();
    const last = this.#shown.get(key);
    if (last !== undefined && Math.abs(now - last) < INTERVAL_MS) return;
    if (this.#shown.size >= MAX_KEYS) this.#shown.clear();
    this.#shown.set(key, now);
    try {
      const text = error === undefined ? message : `${message} ${lineOf(error)}`;
      this.#write(`nearmiss: ${text}`, error)?.catch?.(() => {});
    } catch {
      // A message must not stop traffic.
    }
  }
}

/** Returns the error as one line, without the query strings of URLs. */
function lineOf(error) {
  const causes = [error, error?.cause].filter((each) => each instanceof Error || typeof each?.message === "string");
  const text = causes.length > 0 ? causes.map(({ name, message }) => `${name}: ${message}`).join(", ") : String(error);
  return text.replaceAll(/\?[^\s)"']*=[^\s)"']*/g, "?…").replaceAll(/\s+/g, " ").slice(0, MAX_LENGTH);
}
