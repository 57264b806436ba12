// The attempts of one exchange, one after the other and, with a hedge, two at a time.
import { Attempt, discard } from "./attempt.js";
import { jitter, retryAfter } from "./backoff.js";
import { sleep } from "./clock.js";

export class Tries {
  #tools;
  #plan;
  #template;
  #budget;
  #signal;
  #started = 0;
  /** The attempts that count, the one that answered or was given up last at the end. */
  made = [];
  /** A hedge's later answer was the one. */
  hedged = false;
  /** The retry budget was spent. */
  isShort = false;

  constructor(tools, plan, template, budget, signal) {
    this.#tools = tools;
    this.#plan = plan;
    this.#template = template;
    this.#budget = budget;
    this.#signal = signal;
  }

  /** What the last attempt got. Rejects only when `signal` ends. */
  async run() {
    this.#budget.earn();
    for (;;) {
      const result = await this.#round();
      this.#signal.throwIfAborted();
      if (!this.#isWorthRetrying(result)) return result;
      const wait = this.#wait(result);
      if (!this.#mayStart() || !this.#affords()) return result;
      discard(result.response);
      await sleep(this.#tools.timers, wait, this.#signal);
    }
  }

  /** One attempt, and a hedge beside it if it takes too long. */
  async #round() {
    const first = this.#start();
    if (this.#plan.hedge === undefined || !this.#mayStart()) return first.result;
    const ended = new AbortController();
    const late = sleep(this.#tools.timers, this.#plan.hedge, AbortSignal.any([ended.signal, this.#signal]));
    const early = await Promise.race([first.result, late.catch(() => first.result)]);
    ended.abort();
    if (early !== undefined || !this.#affords()) return first.result;
    return this.#winner(first, this.#start());
  }

  /** The first good answer of two, else the last bad one; nobody waits for the other. */
  async #winner(first, hedge) {
    const sooner = await Promise.race([first.result, hedge.result]);
    const other = sooner.attempt === first ? hedge : first;
    if (this.#isWorthRetrying(sooner)) {
      const later = await other.result;
      discard(sooner.response);
      this.#endWith(later.attempt);
      this.hedged = later.attempt === hedge && !this.#isWorthRetrying(later);
      return later;
    }
    other.abort();
    other.result.then(({ response }) => discard(response));
    if (sooner.attempt === first) {
      // The answer came without its help.
      this.made.splice(this.made.indexOf(hedge), 1);
    } else {
      this.hedged = true;
    }
    return sooner;
  }

  #start() {
    this.#started += 1;
    const attempt = new Attempt(this.#tools, this.#template, this.#plan, this.#signal);
    this.made.push(attempt);
    return attempt;
  }

  #endWith(attempt) {
    this.made.splice(this.made.indexOf(attempt), 1);
    this.made.push(attempt);
  }

  #mayStart() {
    return this.#started < this.#plan.maxAttempts && this.#template.canRepeat;
  }

  #affords() {
    const affords = this.#budget.pay();
    this.isShort ||= !affords;
    return affords;
  }

  #isWorthRetrying({ response }) {
    return response === undefined || this.#plan.retryOn.has(response.status);
  }

  /** Full jitter, and at least as long as the upstream asks for. */
  #wait({ response }) {
    const own = jitter(this.#tools.random, this.#plan.backoff, this.#started);
    const asked = response === undefined ? undefined : retryAfter(response.headers, this.#tools.now());
    return Math.max(own, asked ?? 0);
  }
}
