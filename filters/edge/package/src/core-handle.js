// The core module as the package uses it: exchanges go in; verdicts, counters and records come out.
//
// A failure of the module never affects traffic: after a trap it is reported once and not called again.
import { Flag, Handle, NumberField, TextField } from "../glue.js";
import { FATES } from "./fates.js";
import { Metrics } from "./metrics.js";
import { fateOf, HAS_RECORDS, INVALID, marginPlusOneOf } from "./packed-verdict.js";

/** Limits of the cache of upstream numbers: entries, and characters of a name. */
const MAX_CACHED_NAMES = 100_000;
const MAX_CACHED_NAME = 256;

const NUMBER_FIELDS = [
  ["maxAttempts", NumberField.MaxAttempts],
  ["timeout", NumberField.Timeout],
  ["deadline", NumberField.Deadline],
  ["timeoutUsed", NumberField.TimeoutUsed],
  ["deadlineUsed", NumberField.DeadlineUsed],
  ["service", NumberField.Service],
  ["grpcStatus", NumberField.GrpcStatus],
  ["bytes", NumberField.Bytes],
  ["clientAttempt", NumberField.ClientAttempt],
  ["quotaRemaining", NumberField.QuotaRemaining],
  ["quotaLimit", NumberField.QuotaLimit],
];
const FLAGS = [
  ["partial", Flag.Partial],
  ["aborted", Flag.Aborted],
  ["hedged", Flag.Hedged],
  ["stream", Flag.Stream],
  ["breaker", Flag.Breaker],
  ["rejected", Flag.Rejected],
  ["failOpen", Flag.FailOpen],
  ["pool", Flag.Pool],
  ["stale", Flag.Stale],
  ["failover", Flag.Failover],
  ["fallback", Flag.Fallback],
];
const TEXT_FIELDS = [
  ["host", TextField.Host],
  ["route", TextField.Route],
  ["cacheStatus", TextField.CacheStatus],
  ["proxyStatus", TextField.ProxyStatus],
  ["traceId", TextField.TraceId],
  ["reason", TextField.Reason],
];

export class CoreHandle {
  #handle;
  #hasStarted = false;
  #isBroken = false;
  #upstreamIds = new Map();
  #source;
  #sink;
  #logRecord = (source, number, nowMs) => this.#guarded(() => this.#handle.logRecord(source, number, nowMs));

  /**
   * `source()` identifies this run of this instance, and is called at the first exchange. `sink(line, logRecord)` receives records;
   * until it returns, `logRecord(source, number, nowMs)` returns the record as an OpenTelemetry log record.
   */
  constructor(config, source, sink) {
    this.#handle = refusing(() => new Handle(config));
    this.#source = source;
    this.#sink = sink;
    this.metrics = new Metrics((id) => this.#handle.name(id));
  }

  /** The section `edge` of the configuration, with a flag as 0 or 1, and the name of the header that marks a fallback. */
  get settings() {
    const handle = this.#handle;
    const settings = { fallbackHeader: handle.fallbackHeader() };
    const next = (index) => handle.sectionName(index);
    for (let index = 0, name = next(0); name !== undefined; name = next((index += 1))) settings[camelCase(name)] = handle.sectionValue(index);
    return settings;
  }

  /** Returns the number of an upstream, or 0 if `name` is not a string. */
  upstream(name) {
    if (typeof name !== "string") return 0;
    const known = this.#upstreamIds.get(name);
    if (known !== undefined) return known;
    const id = this.#guarded(() => this.#handle.intern(name), 0);
    // Names may come from requests, so this cache is bounded, as the module's own table is.
    if (this.#upstreamIds.size >= MAX_CACHED_NAMES) this.#upstreamIds.clear();
    if (name.length <= MAX_CACHED_NAME) this.#upstreamIds.set(name, id);
    return id;
  }

  /** Starts monitoring, at the first exchange. Without random numbers for a secret, the next exchange sets it. */
  start() {
    if (this.#hasStarted) return;
    const secret = hostsSecret();
    this.#hasStarted = secret !== undefined;
    this.#guarded(() => this.#handle.start(this.#source(), secret ?? new Uint8Array()));
  }

  /** Returns the number of the reason why an exchange with this request is left out, from 1, or 0. */
  leftOut(userAgent, path, authority) {
    return this.#guarded(() => this.#handle.leftOut(userAgent, path, authority), 0);
  }

  /** Returns the names of the configured upstreams that have had no exchange. */
  unmatchedUpstreams() {
    const names = [];
    const next = () => this.#guarded(() => this.#handle.unmatchedUpstream(names.length));
    for (let name = next(); name !== undefined; name = next()) names.push(name);
    return names;
  }

  /** Counts an exchange without optional fields. Returns the packed verdict, or 0 if the module fails. */
  observe(id, endedMs, status, durationMs, attempts) {
    this.start();
    if (this.#isBroken) return 0;
    try {
      // The module would convert other types, and count what was not meant.
      if (typeof attempts !== "number" || typeof status !== "number" || typeof durationMs !== "number" || typeof endedMs !== "number") attempts = NaN;
      const verdict = this.#handle.observe(id, endedMs, status, durationMs, attempts);
      this.metrics.count(id, verdict, attempts);
      if (verdict & HAS_RECORDS) this.#drain();
      return verdict;
    } catch (error) {
      this.#handleError(error);
      return 0;
    }
  }

  /** Counts an exchange with all its fields and returns the verdict. */
  observeFields(id, fields) {
    this.#guarded(() => this.#setFields(fields));
    const verdict = this.observe(id, fields.endedMs, fields.status, fields.durationMs, fields.attempts);
    return { fate: FATES[fateOf(verdict)], marginBp: marginPlusOneOf(verdict) - 1, valid: !(verdict & INVALID) };
  }

  /** Returns the `near-miss` header of an exchange in progress; empty for a clean one. */
  preview(id, fields) {
    return this.#guarded(() => {
      this.#setFields(fields);
      const verdict = this.#handle.preview(id, fields.endedMs, fields.status, fields.durationMs, fields.attempts);
      return fateOf(verdict) ? this.#handle.header() : "";
    }, "");
  }

  /** Runs time-based work that is due. */
  wake(nowMs) {
    this.#guarded(() => {
      this.#handle.wake(nowMs);
      this.#drain();
    });
  }

  /** Ends monitoring and emits all pending summaries and episodes. */
  finish() {
    this.#guarded(() => {
      this.#handle.finish();
      this.#drain();
    });
  }

  /** Replaces the configuration, or throws and keeps the previous one. */
  reconfigure(config) {
    refusing(() => this.#handle.reconfigure(config));
  }

  #setFields(fields) {
    const handle = this.#handle;
    for (const [name, field] of TEXT_FIELDS) if (fields[name]) handle.setText(field, String(fields[name]));
    for (const [name, flag] of FLAGS) if (fields[name]) handle.setFlag(flag);
    for (const [name, field] of NUMBER_FIELDS) {
      const value = fields[name];
      if (value !== undefined && !handle.setNumber(field, Number(value))) this.metrics.countInvalid();
    }
    for (const { host = "", status = NaN, durationMs = NaN } of fields.attemptLog ?? []) {
      if (!handle.addAttempt(String(host), Number(status), Number(durationMs))) this.metrics.countInvalid();
    }
  }

  #drain() {
    for (let line = this.#handle.pollRecord(); line !== undefined; line = this.#handle.pollRecord()) {
      this.#countRecord();
      try {
        // An asynchronous sink rejects later.
        this.#sink(line, this.#logRecord)?.catch?.(reportSinkError);
      } catch (error) {
        reportSinkError(error);
      }
    }
  }

  #countRecord() {
    const handle = this.#handle;
    const pattern = handle.openedPattern();
    if (pattern !== undefined) this.metrics.countEpisode(handle.polledUpstream(), pattern);
    this.metrics.countSummary(handle.summaryCount(false), handle.summaryCount(true));
  }

  #guarded(body, ifBroken) {
    if (this.#isBroken) return ifBroken;
    try {
      return body();
    } catch (error) {
      this.#handleError(error);
      return ifBroken;
    }
  }

  /** Disables the module after a trap. Any other error comes from a value that cannot be converted, and counts as invalid. */
  #handleError(error) {
    if (!(error instanceof WebAssembly.RuntimeError)) {
      this.metrics.countInvalid();
      return;
    }
    if (!this.#isBroken) console.error("nearmiss: the module failed and is now disabled; traffic is not affected:", error);
    this.#isBroken = true;
  }
}

/** Returns `inspectBytes` for `inspect_bytes`. */
function camelCase(name) {
  return name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

/** Runs `parse`, whose error names the field of the configuration. */
function refusing(parse) {
  try {
    return parse();
  } catch (error) {
    throw new TypeError(`nearmiss: ${error.message}`);
  }
}

function reportSinkError(error) {
  console.error("nearmiss: the callback for records failed:", error);
}

/** Returns random bytes for the key of host hashes; nothing in a runtime without them, and in a Worker outside a request. */
function hostsSecret() {
  try {
    return globalThis.crypto.getRandomValues(new Uint8Array(16));
  } catch {
    return undefined;
  }
}
