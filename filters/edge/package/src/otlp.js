// A sink that sends records as OpenTelemetry logs, in batches over HTTP.
import { logBatch } from "../glue.js";
import { causeOf } from "./cause.js";
import { ExportBackoff } from "./export-backoff.js";
import { timeoutSignal } from "./signals.js";
import { durationOption, functionOption, integerOption, refuse, refuseUnknown } from "./validate.js";

/** Timeout of one export. */
const EXPORT_TIMEOUT_MS = 10_000;
/** Maximum size of a response that is read for rejected records. */
const MAX_RESPONSE = 65_536;

/**
 * Name of the method with which a monitor attaches itself to a sink that takes log records: the same in all entry points, each of which
 * has classes of its own.
 */
export const ATTACH = Symbol.for("nearmiss.attach");

/** Creates a sink for an OTLP/HTTP endpoint such as `https://collector/v1/logs`. */
export function otlp(options) {
  return new OtlpSink(options);
}

class OtlpSink {
  #url;
  #headers;
  #service;
  #batchSize;
  #delay;
  #queueSize;
  #fetch;
  #waiting = [];
  /** The export in progress, its number of records, and the time at which it was first seen by `due`. */
  #export;
  #sending = 0;
  #sendingSince;
  #backoff = new ExportBackoff();
  #warn = (key, message, error) => console.warn(`nearmiss: ${message}`, ...(error === undefined ? [] : [error]));
  #random = Math.random;
  /** Returns an empty batch; until a monitor is attached, with the module of this entry point. */
  #logBatch = logBatch;
  /** An empty batch, kept because it never changes, and the module may fail. */
  #emptyBatch;
  #runId;
  #pushed = 0;
  /** Time at which the oldest waiting record was first seen by `due`. */
  #waitingSince;
  /** Records dropped because the queue was full or the endpoint rejected them. */
  dropped = 0;

  constructor(options) {
    refuseUnknown(options, ["url", "headers", "service", "batch", "delay", "queue", "fetch"], "otlp");
    const { url, headers = {}, service = "nearmiss" } = options;
    this.#url = String(url);
    if (!URL.canParse(this.#url) || !/^https?:$/.test(new URL(this.#url).protocol)) refuse("url", url, "the http or https URL of an OTLP endpoint");
    if (typeof service !== "string") refuse("service", service, "a string");
    this.#headers = headersOption(headers);
    this.#service = service;
    this.#batchSize = integerOption(options, "batch", 1, 10_000, "records, 1 to 10000", 100);
    this.#delay = durationOption(options, "delay", 5_000);
    this.#queueSize = integerOption(options, "queue", 1, 100_000, "records, 1 to 100000", 2_000);
    this.#fetch = functionOption(options, "fetch", (request) => globalThis.fetch(request));
  }

  /**
   * Uses the monitor's messages, random numbers and module. Returns the function that queues the monitor's records; `logRecord` returns the
   * record of `line` as a log record.
   */
  [ATTACH]({ warnings, random, logBatch }) {
    this.#warn = (key, message, error) => warnings.show(`otlp ${key}`, message, error);
    this.#random = random;
    this.#logBatch = logBatch;
    return (line, logRecord) => this.#queue(line, logRecord);
  }

  /** Queues a line, which is sent as the body of a log record. */
  push(line) {
    this.#queue(line);
  }

  /** Returns true if a batch is full or the oldest record has waited for the delay, and the endpoint may be tried. */
  due(nowMs) {
    if (this.#isSending(nowMs) || this.#waiting.length === 0) return false;
    this.#waitingSince ??= nowMs;
    const isFull = this.#waiting.length >= this.#batchSize;
    return (isFull || nowMs - this.#waitingSince >= this.#delay) && this.#backoff.allows(nowMs);
  }

  /** Sends all waiting records in batches, one after the other. Records that cannot be sent wait for the next flush. */
  async flush() {
    const current = this.#export;
    // In Workers an export belongs to its request, and may be cancelled with it without an end.
    if (current !== undefined) await Promise.race([current, new Promise((resolve) => setTimeout(resolve, EXPORT_TIMEOUT_MS)?.unref?.())]);
    if (this.#waiting.length === 0) return;
    const sent = this.#sendAll();
    this.#export = sent;
    await sent;
    if (this.#export === sent) this.#export = undefined;
  }

  /** Waits for the export in progress and flushes a last time. */
  finish() {
    return this.flush();
  }

  #queue(line, logRecord) {
    if (this.#waiting.length + this.#sending >= this.#queueSize) {
      this.dropped += 1;
      return;
    }
    // The uid lets a receiver detect duplicates: an export that failed may have been stored.
    this.#runId ??= crypto.randomUUID();
    this.#pushed += 1;
    const nowMs = Date.now();
    this.#waiting.push(logRecord?.(this.#runId, this.#pushed, nowMs) ?? bodyOnly(line, `${this.#runId}-${this.#pushed}`, nowMs));
  }

  #isSending(nowMs) {
    if (this.#export === undefined) return false;
    this.#sendingSince ??= nowMs;
    if (nowMs - this.#sendingSince < EXPORT_TIMEOUT_MS) return true;
    // An export without an end, whose records are lost.
    this.#export = undefined;
    this.dropped += this.#sending;
    this.#sending = 0;
    this.#sendingSince = undefined;
    return false;
  }

  async #sendAll() {
    const records = this.#waiting.splice(0);
    const count = records.length;
    this.#sending += count;
    this.#sendingSince = undefined;
    this.#waitingSince = undefined;
    while (records.length > 0) {
      const batch = records.slice(0, this.#batchSize);
      if (!(await this.#send(batch))) break;
      records.splice(0, batch.length);
      this.#sendingSince = undefined;
    }
    this.#sending = Math.max(0, this.#sending - count);
    // Unsent records go to the front; if the queue overflows, the newest are dropped.
    this.#waiting.unshift(...records);
    this.dropped += this.#waiting.splice(this.#queueSize).length;
  }

  /** Resolves to true if the endpoint has accepted or finally rejected the records. */
  async #send(records) {
    try {
      const response = await this.#post(records);
      const { status, ok } = response;
      if (ok) {
        this.#backoff.succeeded();
        await this.#countRejected(response);
        return true;
      }
      await response.body?.cancel();
      this.#warn(status, `the OTLP endpoint answered ${status}`);
      // The endpoint will never accept these records, so they are not sent again.
      const isFinal = status >= 400 && status < 500 && status !== 429 && status !== 408;
      if (isFinal) this.dropped += records.length;
      this.#backoff.failed(this.#random, response.headers);
      return isFinal;
    } catch (error) {
      const reason = causeOf(error);
      this.#warn(reason, `records could not be sent to the OTLP endpoint: ${reason};`, error);
      this.#backoff.failed(this.#random);
      return false;
    }
  }

  async #post(records) {
    this.#emptyBatch ??= this.#logBatch(this.#service, this.#runId);
    const place = this.#emptyBatch.lastIndexOf("[]") + 1;
    const body = this.#emptyBatch.slice(0, place) + records.join(",") + this.#emptyBatch.slice(place);
    const signal = timeoutSignal(EXPORT_TIMEOUT_MS);
    return this.#fetch(new Request(this.#url, { method: "POST", headers: this.#headers, body, signal }));
  }

  /** Counts the records that the endpoint rejected although it accepted the request. */
  async #countRejected(response) {
    try {
      const text = await response.text();
      const { partialSuccess } = text.length > MAX_RESPONSE || text === "" ? {} : JSON.parse(text);
      const rejected = Number(partialSuccess?.rejectedLogRecords ?? 0);
      if (!(rejected > 0)) return;
      this.dropped += rejected;
      this.#warn("rejected", `the OTLP endpoint rejected ${rejected} records: ${String(partialSuccess.errorMessage ?? "").slice(0, 200)}`);
    } catch {
      // The request was accepted, whatever its response says.
    }
  }
}

function bodyOnly(line, uid, nowMs) {
  const timeUnixNano = `${Math.round(nowMs)}000000`;
  const attributes = [{ key: "log.record.uid", value: { stringValue: uid } }];
  return JSON.stringify({ timeUnixNano, observedTimeUnixNano: timeUnixNano, body: { stringValue: line }, attributes });
}

function headersOption(headers) {
  try {
    return [...new Headers([...new Headers(headers), ["content-type", "application/json"]])];
  } catch {
    return refuse("headers", headers, "an object of header names and values, or Headers");
  }
}
