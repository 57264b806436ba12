// The attempts of one exchange: retries one after the other, and two attempts in parallel with a hedge.
import { Attempt, discard } from "./attempt.js";
import { jitter, retryAfter } from "./backoff.js";
import { sleep } from "./clock.js";

export class Retrier {
  #deps;
  #options;
  #request;
  #budget;
  #signal;
  #started = 0;
  /** The attempts that count. The last one is the one that answered, or the last that failed. */
  attempts = [];
  /** True if the hedge answered. */
  hedged = false;
  /** True if the retry budget prevented an attempt. */
  isBudgetExhausted = false;

  constructor(deps, options, request, budget, signal) {
    this.#deps = deps;
    this.#options = options;
    this.#request = request;
    this.#budget = budget;
    this.#signal = signal;
  }

  /** Resolves to the result of the last attempt. Rejects only when `signal` aborts. */
  async run() {
    this.#budget.deposit();
    for (;;) {
      const result = await this.#round();
      this.#signal.throwIfAborted();
      if (!this.#isWorthRetrying(result)) return result;
      const wait = this.#wait(result);
      if (!this.#mayStart() || !this.#payForAttempt()) return result;
      discard(result.response);
      await sleep(this.#deps.timers, wait, this.#signal);
    }
  }

  /** Runs one attempt, and a hedge in parallel if the attempt takes too long. */
  async #round() {
    const first = this.#start();
    if (this.#options.hedge === undefined || !this.#mayStart()) return first.result;
    const hasAnswered = new AbortController();
    const delay = sleep(this.#deps.timers, this.#options.hedge, AbortSignal.any([hasAnswered.signal, this.#signal]));
    const earlyResult = await Promise.race([first.result, delay.catch(() => first.result)]);
    hasAnswered.abort();
    if (earlyResult !== undefined || !this.#payForAttempt()) return first.result;
    return this.#winner(first, this.#start());
  }

  /** Resolves to the first good result of the two attempts, or else to the last bad one. The other attempt is cancelled. */
  async #winner(first, hedge) {
    const sooner = await Promise.race([first.result, hedge.result]);
    const other = sooner.attempt === first ? hedge : first;
    if (this.#isWorthRetrying(sooner)) {
      const later = await other.result;
      discard(sooner.response);
      this.#moveToEnd(later.attempt);
      this.hedged = later.attempt === hedge && !this.#isWorthRetrying(later);
      return later;
    }
    other.abort();
    other.result.then(({ response }) => discard(response));
    if (sooner.attempt === first) {
      // The hedge was not needed, so it is not counted.
      this.attempts.splice(this.attempts.indexOf(hedge), 1);
    } else {
      this.hedged = true;
    }
    return sooner;
  }

  #start() {
    this.#started += 1;
    const attempt = new Attempt(this.#deps, this.#request, this.#options, this.#signal);
    this.attempts.push(attempt);
    return attempt;
  }

  #moveToEnd(attempt) {
    this.attempts.splice(this.attempts.indexOf(attempt), 1);
    this.attempts.push(attempt);
  }

  #mayStart() {
    return this.#started < this.#options.maxAttempts && this.#request.canReplay;
  }

  #payForAttempt() {
    const isPaid = this.#budget.withdraw();
    this.isBudgetExhausted ||= !isPaid;
    return isPaid;
  }

  #isWorthRetrying({ response }) {
    return response === undefined || this.#options.retryOn.has(response.status);
  }

  /** Returns the wait: full jitter, but at least the `Retry-After` of the upstream. */
  #wait({ response }) {
    const backoff = jitter(this.#deps.random, this.#options.backoff, this.#started);
    const requested = response === undefined ? undefined : retryAfter(response.headers, this.#deps.now());
    return Math.max(backoff, requested ?? 0);
  }
}
