// The core, as the package uses it: facts go in, a verdict, counters and records come out.
//
// Whatever happens in there, traffic goes on: should the module ever trap, it says so once and is left alone from then on.
import { Mark, Quantity, Watch, Words } from "../glue.js";
import { FATES } from "./fates.js";
import { Metrics } from "./metrics.js";

const FATE = 0xf;
const HAS_RECORDS = 1 << 4;
const INVALID = 1 << 5;
const MARGIN_SHIFT = 8;

/** How many names are remembered with their numbers, and how long they may be for that. */
const MAX_NAMES = 100_000;
const MAX_NAME = 256;

const QUANTITIES = [
  ["maxAttempts", Quantity.MaxAttempts],
  ["timeout", Quantity.Timeout],
  ["deadline", Quantity.Deadline],
  ["grpcStatus", Quantity.GrpcStatus],
  ["bytes", Quantity.Bytes],
  ["clientAttempt", Quantity.ClientAttempt],
  ["quotaRemaining", Quantity.QuotaRemaining],
  ["quotaLimit", Quantity.QuotaLimit],
];
const MARKS = [
  ["partial", Mark.Partial],
  ["aborted", Mark.Aborted],
  ["hedged", Mark.Hedged],
  ["stream", Mark.Stream],
  ["breaker", Mark.Breaker],
  ["stale", Mark.Stale],
  ["failover", Mark.Failover],
  ["fallback", Mark.Fallback],
];
const WORDS = [
  ["host", Words.Host],
  ["route", Words.Route],
  ["cacheStatus", Words.CacheStatus],
  ["proxyStatus", Words.ProxyStatus],
  ["traceId", Words.TraceId],
];

export class Ledger {
  #watch;
  #begun = false;
  #broken = false;
  #ids = new Map();
  #source;
  #sink;

  /** `source()` names this run of this instance once it has begun; `sink(line)` takes records. */
  constructor(config, source, sink) {
    this.#watch = new Watch(config);
    this.#source = source;
    this.#sink = sink;
    this.metrics = new Metrics((id) => this.#watch.name(id));
  }

  /** What the section `edge` of the configuration says, and the name of the header that marks a fallback. */
  get settings() {
    const watch = this.#watch;
    return {
      header: watch.wantsHeader(),
      serverTiming: watch.wantsServerTiming(),
      inspectBytes: watch.inspectBytes(),
      fallbackHeader: watch.fallbackHeader(),
    };
  }

  /** The number of an upstream; 0 if `name` is none. */
  upstream(name) {
    if (typeof name !== "string") return 0;
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#guarded(() => this.#watch.upstream(name), 0);
    // The module's own table is bounded, and so must this one be, whoever makes up the names.
    if (this.#ids.size >= MAX_NAMES) this.#ids.clear();
    if (name.length <= MAX_NAME) this.#ids.set(name, id);
    return id;
  }

  /** Counts an exchange of which nothing more is to be said; 0 says that nothing came of it. */
  observe(id, endedMs, status, durationMs, attempts) {
    if (!this.#begun) this.#begin();
    if (this.#broken) return 0;
    try {
      const outcome = this.#watch.observe(id, endedMs, status, durationMs, attempts);
      this.metrics.count(id, outcome & FATE, attempts, outcome >>> MARGIN_SHIFT, outcome & INVALID);
      if (outcome & HAS_RECORDS) this.#drain();
      return outcome;
    } catch (error) {
      this.#caught(error);
      return 0;
    }
  }

  /** Counts an exchange with all that is known of it, and names its fate. */
  take(id, facts) {
    this.#guarded(() => this.#note(facts));
    const outcome = this.observe(id, facts.endedMs, facts.status, facts.durationMs, facts.attempts);
    return { fate: FATES[outcome & FATE], marginBp: (outcome >>> MARGIN_SHIFT) - 1, valid: !(outcome & INVALID) };
  }

  /** The header of an exchange that is under way, empty if there is nothing to say. */
  preview(id, facts) {
    return this.#guarded(() => {
      this.#note(facts);
      const outcome = this.#watch.preview(id, facts.endedMs, facts.status, facts.durationMs, facts.attempts);
      return outcome & FATE ? this.#watch.header() : "";
    }, "");
  }

  /** Does what is due by the clock. */
  wake(nowMs) {
    this.#guarded(() => {
      this.#watch.wake(nowMs);
      this.#drain();
    });
  }

  /** Everything leaves. */
  finish() {
    this.#guarded(() => {
      this.#watch.finish();
      this.#drain();
    });
  }

  /** Takes another configuration, or throws and keeps the old one. */
  reconfigure(config) {
    this.#watch.reconfigure(config);
  }

  #begin() {
    this.#begun = true;
    this.#guarded(() => this.#watch.begin(this.#source()));
  }

  #note(facts) {
    const watch = this.#watch;
    for (const [name, words] of WORDS) if (facts[name]) watch.text(words, String(facts[name]));
    for (const [name, mark] of MARKS) if (facts[name]) watch.mark(mark);
    for (const [name, quantity] of QUANTITIES) {
      const value = facts[name];
      if (value !== undefined && !watch.number(quantity, Number(value))) this.metrics.countInvalid();
    }
    for (const { host = "", status = NaN, durationMs = NaN } of facts.attemptLog ?? []) {
      if (!watch.attempt(String(host), Number(status), Number(durationMs))) this.metrics.countInvalid();
    }
  }

  #drain() {
    for (let line = this.#watch.record(); line !== undefined; line = this.#watch.record()) {
      this.metrics.countRecord(line);
      try {
        // One that is asynchronous fails later.
        this.#sink(line)?.catch?.(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  #guarded(body, otherwise) {
    if (this.#broken) return otherwise;
    try {
      return body();
    } catch (error) {
      this.#caught(error);
      return otherwise;
    }
  }

  /** A value that cannot even be made a number is the caller's; a trap is the module's end. */
  #caught(error) {
    if (!(error instanceof WebAssembly.RuntimeError)) {
      this.metrics.countInvalid();
      return;
    }
    if (!this.#broken) console.error("nearmiss: the module failed and is off from now on; traffic goes on:", error);
    this.#broken = true;
  }
}

function failed(error) {
  console.error("nearmiss: the callback for records failed:", error);
}
