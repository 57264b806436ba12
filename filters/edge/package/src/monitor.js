// The public monitor of a gateway.
import { logBatch } from "../glue.js";
import { boundedTimers, clocks, withLastValue } from "./clock.js";
import { configDocument } from "./config-document.js";
import { CoreHandle } from "./core-handle.js";
import { Exchange } from "./exchange.js";
import { RoutePolicy } from "./fetch-options.js";
import { gatewayFetch } from "./fetch.js";
import { leftOutByFacts } from "./left-out.js";
import { parseExchange, parseNote } from "./note.js";
import { ATTACH } from "./otlp.js";
import { OpenExchanges } from "./open-exchanges.js";
import { RetryBudget } from "./retry-budget.js";
import { UnmatchedUpstreams } from "./unmatched-upstreams.js";
import { functionOption, numberOption, refuse, refuseUnknown } from "./validate.js";
import { Warnings } from "./warnings.js";
import { wrapHandler } from "./wrap.js";

const OPTIONS = ["config", "source", "now", "random", "timers", "fetch", "records", "retryBudget", "wakeEvery", "onWarning"];
const INVALID = { fate: "clean", marginBp: -1, valid: false };
const LEFT_OUT = { fate: "clean", marginBp: -1, valid: true };

/** Creates the monitor of a gateway; call it once, next to the handler. */
export function nearMiss(options = {}) {
  return new Monitor(options);
}

export class Monitor {
  #core;
  #sink;
  /** Passes a record to the sink: the line, and a function that returns it as a log record. */
  #sinkRecord;
  #deps;
  #warnings;
  #unmatched;
  #retryBudgets = new Map();
  #retryBudget;
  #wrappedExchanges = new WeakMap();
  #timer;

  constructor(options = {}) {
    refuseUnknown(options, OPTIONS, "nearMiss");
    const { source = "edge" } = options;
    if (typeof source !== "string" || source === "") refuse("source", source, "a string");
    const random = withLastValue(functionOption(options, "random", Math.random), 0.5);
    const time = clocks(functionOption(options, "now"));
    this.#warnings = new Warnings(time.now, functionOption(options, "onWarning", (message) => console.warn(message)));
    this.#sink = toSink(options.records);
    this.#sinkRecord = this.#sink[ATTACH]?.({ warnings: this.#warnings, random, logBatch }) ?? ((line) => this.#sink.push(line));
    this.#retryBudget = retryBudgetOptions(options);
    // Workers have neither a clock nor random numbers before the first request.
    const runId = () => `${source}/${Math.floor(random() * 2 ** 32).toString(16)}/${Math.floor(time.now() / 1000)}`;
    this.#unmatched = new UnmatchedUpstreams(time.now);
    this.#core = new CoreHandle(configDocument(options.config), runId, (line, logRecord) => this.#push(line, logRecord));
    this.#deps = {
      ...time,
      random,
      timers: timersOption(options),
      fetch: functionOption(options, "fetch", (request) => globalThis.fetch(request)),
      core: this.#core,
      settings: this.#core.settings,
      open: new OpenExchanges(),
      warnings: this.#warnings,
      retryBudget: (upstream) => this.#budgetOf(upstream),
      flush: (ctx) => this.#flushIfDue(ctx),
      report: (policy, outcome, isExpected) => this.#report(policy, outcome, isExpected),
      guarded: (name, body, ifFailed) => this.#guarded(name, body, ifFailed),
    };
    const interval = numberOption(options, "wakeEvery", 100, 3_600_000, "milliseconds, 100 to 3600000");
    if (interval !== undefined) {
      this.#timer = setInterval(() => this.wake(), interval);
      this.#timer.unref?.();
    }
  }

  /** Returns the number of an upstream for `observe`. */
  upstream(name) {
    if (typeof name !== "string" || name === "") refuse("upstream", name, "a name");
    return this.#core.upstream(name);
  }

  /**
   * Counts one exchange that the gateway made itself: five numbers, for gateways where every nanosecond counts, or one object with all that
   * is known. Never throws.
   */
  observe(upstream, endedMs, status, durationMs, attempts = 1) {
    if (typeof upstream === "object" && upstream !== null) return this.#observeFields(upstream);
    return this.#core.observe(upstream, endedMs, status, durationMs, attempts);
  }

  /** Fetches with retries, timeouts, a fallback and a hedge, and monitors every attempt. `options` may come from `route`. */
  async fetch(input, options) {
    const policy = policies.get(options) ?? new RoutePolicy(options, this.#deps.fetch);
    return gatewayFetch(this.#deps, input, policy);
  }

  /** Checks the options of a route once. Returns a function that fetches with them. */
  route(options) {
    const policy = new RoutePolicy(options, this.#deps.fetch);
    const route = async (input, ofExchange) => gatewayFetch(this.#deps, input, ofExchange === undefined ? policy : policy.with(ofExchange));
    policies.set(route, policy);
    return Object.assign(route, { fetch: route });
  }

  /** Returns a handler whose exchanges are counted; the handler reports its own retries with `note`. */
  wrap(handler, options = {}) {
    return wrapHandler(this.#deps, this.#wrappedExchanges, handler, options);
  }

  /** Reports what a wrapped handler did for this request. Never throws: an invalid or late note is counted as invalid. */
  note(request, note) {
    const exchange = typeof request === "object" && request !== null ? this.#wrappedExchanges.get(request) : undefined;
    if (!(exchange instanceof Exchange)) return this.#countInvalid("`note` takes the request that the wrapped handler was called with");
    const { fields, problems } = parseNote(note);
    for (const problem of problems) this.#countInvalid(problem);
    if (!exchange.note(fields)) this.#countInvalid("a note came after its exchange had ended");
  }

  /** Returns all counters in the Prometheus text format. */
  metrics() {
    return this.#core.metrics.text(this.#sink.dropped ?? 0);
  }

  /** Returns all counters as an object. */
  stats() {
    return this.#core.metrics.object(this.#sink.dropped ?? 0);
  }

  /** Removes an upstream from `metrics` and `stats`, with its retry budget; its next exchange counts from zero. */
  forget(upstream) {
    const id = typeof upstream === "string" ? this.#core.upstream(upstream) : upstream;
    this.#core.metrics.forget(id);
    this.#retryBudgets.delete(id);
  }

  /** Runs time-based work that is due; call it from a timer or a scheduled handler if traffic may pause. */
  wake() {
    this.#core.wake(this.#deps.now());
    this.#flushIfDue();
  }

  /** Replaces the configuration and keeps counters and baselines. An invalid configuration throws and changes nothing. */
  reconfigure(config) {
    this.#core.reconfigure(configDocument(config));
    Object.assign(this.#deps.settings, this.#core.settings);
    this.#unmatched.restart();
  }

  /** Sends all waiting records. */
  async flush() {
    await this.#sink.flush?.();
  }

  /** Ends monitoring: counts the exchanges whose bodies are unread, and emits and sends all pending records. */
  async finish() {
    clearInterval(this.#timer);
    this.#deps.open.endAll();
    this.#core.finish();
    await (this.#sink.finish?.() ?? this.flush());
  }

  #push(line, logRecord) {
    this.#unmatched.check(() => this.#core.unmatchedUpstreams(), (message) => this.#warnings.show(message, message));
    return this.#sinkRecord(line, logRecord);
  }

  #observeFields(exchange) {
    const { fields, problems } = parseExchange(exchange);
    const { upstream, attemptLog } = fields;
    const isComplete = upstream && fields.status !== undefined && fields.durationMs !== undefined;
    if (!isComplete) problems.push("`observe` needs `upstream`, `status` and `durationMs`");
    for (const problem of problems) this.#countInvalid(problem);
    if (!isComplete) return INVALID;
    const leftOut = leftOutByFacts(this.#core, fields);
    if (leftOut !== undefined) {
      this.#core.metrics.countLeftOut(leftOut);
      return LEFT_OUT;
    }
    const known = { endedMs: this.#deps.now(), attempts: Math.max(1, attemptLog.length), ...fields };
    const verdict = this.#core.observeFields(this.#core.upstream(upstream), known);
    this.#flushIfDue();
    return verdict;
  }

  #countInvalid(message) {
    this.#core.metrics.countInvalid();
    this.#warnings.show(message, message);
  }

  #budgetOf(upstream) {
    // Upstreams beyond the limit share one number, and so one budget.
    let budget = this.#retryBudgets.get(upstream);
    if (budget === undefined) this.#retryBudgets.set(upstream, (budget = new RetryBudget(this.#retryBudget)));
    return budget;
  }

  /** Reports an attempt to the caller's hook, and a failure without a response to the console, unless it `isExpected`. */
  #report({ upstream, route, onAttempt }, outcome, isExpected = false) {
    const { isFallback = false, error, reason } = outcome;
    if (error !== undefined && !isExpected) {
      const what = isFallback ? "the fallback failed" : "an attempt failed";
      this.#warnings.show(`${upstream} ${isFallback} ${reason}`, `${what} for upstream ${JSON.stringify(upstream)}: ${reason};`, error);
    }
    if (onAttempt !== undefined) this.#guarded("onAttempt", () => onAttempt({ upstream, route, ...outcome, isFallback }));
  }

  /** Calls a function of the caller. If it fails, the console says so and `ifFailed` is returned. */
  #guarded(name, body, ifFailed) {
    const failed = (error) => this.#warnings.show(name, `\`${name}\` failed:`, error);
    try {
      const result = body();
      if (typeof result?.then === "function") result.then(undefined, failed);
      return result;
    } catch (error) {
      failed(error);
      return ifFailed;
    }
  }

  /** Never throws, because it runs at the end of an exchange. */
  #flushIfDue(ctx) {
    try {
      if (!this.#sink.due?.(this.#deps.now())) return;
      const sent = this.flush().catch(reportFlushError);
      ctx?.waitUntil(sent);
    } catch (error) {
      reportFlushError(error);
    }
  }
}

/** The policies of the routes that `route` has returned. */
const policies = new WeakMap();

function reportFlushError(error) {
  console.error("nearmiss: records could not be sent:", error);
}

function timersOption({ timers = globalThis }) {
  const isValid = typeof timers?.setTimeout === "function" && typeof timers.clearTimeout === "function";
  if (!isValid) refuse("timers", timers, "an object with setTimeout and clearTimeout");
  return boundedTimers(timers);
}

function retryBudgetOptions(options) {
  const takes = "a share of the exchanges in flight, 0 to 1";
  const { retryBudget } = options;
  if (typeof retryBudget !== "object" || retryBudget === null) return { share: numberOption(options, "retryBudget", 0, 1, takes, 0.2), minimum: 10 };
  refuseUnknown(retryBudget, ["share", "minimum"], "retryBudget");
  return {
    share: numberOption(retryBudget, "share", 0, 1, takes, 0.2),
    minimum: numberOption(retryBudget, "minimum", 0, 100_000, "retries, 0 to 100000", 10),
  };
}

/** Converts the option `records` to a sink. */
function toSink(records = "console") {
  if (records === "console") return { push: (line) => console.log(line) };
  if (records === "none") return { push: () => {} };
  if (typeof records === "function") return { push: records };
  if (typeof records?.push === "function") return records;
  return refuse("records", records, '"console", "none", a function or otlp({…})');
}
