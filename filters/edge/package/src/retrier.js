// The attempts of one exchange: retries one after the other, and two attempts in parallel with a hedge.
import { abortable } from "./abortable.js";
import { Attempt, discard } from "./attempt.js";
import { waitBefore } from "./backoff.js";
import { sleep } from "./clock.js";
import { anySignal } from "./signals.js";

export class Retrier {
  #deps;
  #options;
  #request;
  #budget;
  #limit;
  #started = 0;
  /** The attempts that count. The last one is the one that answered, or the last that failed. */
  attempts = [];
  /** True if the hedge answered. */
  hedged = false;
  /** True if the retry budget prevented an attempt. */
  isBudgetExhausted = false;

  constructor(deps, options, request, budget, limit) {
    this.#deps = deps;
    this.#options = options;
    this.#request = request;
    this.#budget = budget;
    this.#limit = limit;
  }

  /** Resolves to the result of the last attempt. Rejects if the deadline passes or the caller aborts. */
  async run() {
    for (;;) {
      const result = await this.#round();
      this.#limit.signal.throwIfAborted();
      if (!result.isBad || result.isMistake || this.#started > this.#options.retries || !(await this.#mayStart())) return result;
      const wait = this.#wait(result);
      if (wait === Infinity || wait > this.#limit.remainingMs || !this.#payForAttempt()) return result;
      discard(result.response);
      await sleep(this.#deps.timers, wait, this.#limit.signal);
    }
  }

  /** Runs one attempt, and a hedge in parallel if the attempt takes too long. */
  async #round() {
    const first = this.#start();
    const { hedge } = this.#options;
    if (hedge === undefined || this.#started >= this.#options.maxAttempts) return first;
    const hasAnswered = new AbortController();
    const delay = sleep(this.#deps.timers, hedge, anySignal([hasAnswered.signal, this.#limit.signal]));
    const earlyResult = await Promise.race([first, delay.catch(() => first)]);
    hasAnswered.abort();
    if (earlyResult !== undefined || !(await this.#mayStart()) || !this.#payForAttempt()) return first;
    return this.#winner(first, this.#start());
  }

  /** Resolves to the first good result of the two attempts, or else to the last bad one. The other attempt is cancelled. */
  async #winner(first, hedge) {
    const sooner = await Promise.race([first, hedge]);
    const [earlier, later] = this.attempts.slice(-2);
    const other = sooner.attempt === earlier ? later : earlier;
    if (sooner.isBad) {
      const last = await (other === later ? hedge : first);
      discard(sooner.response);
      this.#moveToEnd(other);
      this.hedged = other === later && !last.isBad;
      return last;
    }
    other.abort();
    other.result.then(({ response }) => discard(response));
    if (sooner.attempt === earlier) {
      // The hedge was not needed, so it is not counted.
      this.attempts.splice(this.attempts.indexOf(later), 1);
    } else {
      this.hedged = true;
    }
    return sooner;
  }

  /** Starts an attempt. Resolves to its result, judged. */
  #start() {
    this.#started += 1;
    const number = this.#started;
    const attempt = new Attempt(this.#deps, this.#request, this.#options, this.#limit.signal);
    this.attempts.push(attempt);
    return attempt.result.then((result) => this.#judged(result, number));
  }

  async #judged(result, number) {
    const { reason, host, note, isCancelled } = result.attempt;
    const outcome = outcomeOf(result, number);
    this.#deps.report(this.#options, { ...outcome, host, durationMs: note.durationMs }, isCancelled || result.isMistake);
    const isBad = reason === "cancelled" || (await this.#isBad(outcome, result.isFinal));
    return { ...result, number, isBad };
  }

  #isBad(outcome, isFinal) {
    const usual = outcome.status === undefined ? !isFinal : this.#options.retryOn.has(outcome.status);
    const { retry } = this.#options;
    if (retry === undefined) return usual;
    const decided = this.#deps.guarded("retry", () => retry(outcome), usual);
    return abortable(() => decided, this.#limit.signal).then(Boolean, () => usual);
  }

  #moveToEnd(attempt) {
    this.attempts.splice(this.attempts.indexOf(attempt), 1);
    this.attempts.push(attempt);
  }

  async #mayStart() {
    return this.#started < this.#options.maxAttempts && (await this.#request.canReplay());
  }

  #payForAttempt() {
    const isPaid = this.#budget.withdraw();
    this.isBudgetExhausted ||= !isPaid;
    return isPaid;
  }

  #wait(result) {
    return waitBefore(this.#deps, this.#options, this.#started, outcomeOf(result, result.number));
  }
}

/** Returns an attempt's outcome as the caller's functions get it. */
function outcomeOf({ response, error, attempt }, number) {
  return { attempt: number, status: response?.status, headers: response?.headers, error, reason: attempt.reason };
}
