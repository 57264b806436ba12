// A sink that sends records as OpenTelemetry logs, in batches over HTTP.
import { logRecord } from "./log-record.js";
import { durationOption, functionOption, integerOption, refuse, refuseUnknown } from "./validate.js";

/** Timeout of one export. */
const EXPORT_TIMEOUT_MS = 10_000;

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
  /** Number of records in exports that are in progress. */
  #sending = 0;
  #exports = new Set();
  #runId;
  #pushed = 0;
  /** Time at which the oldest waiting record was first seen by `due`. */
  #waitingSince;
  /** Records dropped because the queue was full or the endpoint rejected them. */
  dropped = 0;

  constructor(options) {
    refuseUnknown(options, ["url", "headers", "service", "batch", "delay", "queue", "fetch"], "otlp");
    const { url, headers = {}, service = "nearmiss" } = options;
    if (!URL.canParse(String(url))) refuse("url", url, "the URL of an OTLP/HTTP endpoint");
    this.#url = String(url);
    this.#headers = { ...headers, "content-type": "application/json" };
    this.#service = service;
    this.#batchSize = integerOption(options, "batch", 1, 10_000, "records, 1 to 10000", 100);
    this.#delay = durationOption(options, "delay", 5_000);
    this.#queueSize = integerOption(options, "queue", 1, 100_000, "records, 1 to 100000", 2_000);
    this.#fetch = functionOption(options, "fetch", (request) => globalThis.fetch(request));
  }

  push(line) {
    if (this.#waiting.length + this.#sending >= this.#queueSize) {
      this.dropped += 1;
      return;
    }
    // The uid lets a receiver detect duplicates: an export that failed may have been stored.
    this.#runId ??= crypto.randomUUID();
    this.#waiting.push({ line, uid: `${this.#runId}-${(this.#pushed += 1)}` });
  }

  /** Returns true if a batch is full or the oldest record has waited for the delay. */
  due(nowMs) {
    if (this.#waiting.length === 0) return false;
    this.#waitingSince ??= nowMs;
    return this.#waiting.length >= this.#batchSize || nowMs - this.#waitingSince >= this.#delay;
  }

  /** Sends all waiting records in batches. Records that cannot be sent wait for the next flush. */
  flush() {
    const sent = this.#sendAll().finally(() => this.#exports.delete(sent));
    this.#exports.add(sent);
    return sent;
  }

  /** Waits for the exports in progress and flushes a last time. */
  async finish() {
    await Promise.all(this.#exports);
    await this.flush();
  }

  // Exports do not wait for each other: in Workers each belongs to its own request, and may be cancelled with it.
  async #sendAll() {
    const lines = this.#waiting.splice(0);
    const count = lines.length;
    this.#sending += count;
    this.#waitingSince = undefined;
    while (lines.length > 0) {
      const batch = lines.slice(0, this.#batchSize);
      if (!(await this.#send(batch))) break;
      lines.splice(0, batch.length);
    }
    this.#sending -= count;
    // Unsent records go to the front; if the queue overflows, the newest are dropped.
    this.#waiting.unshift(...lines);
    this.dropped += this.#waiting.splice(this.#queueSize).length;
  }

  async #send(lines) {
    const resource = {
      attributes: [
        { key: "service.name", value: { stringValue: this.#service } },
        { key: "service.instance.id", value: { stringValue: this.#runId } },
      ],
    };
    const scopeLogs = [{ scope: { name: "nearmiss" }, logRecords: lines.map(({ line, uid }) => logRecord(line, uid, Date.now())) }];
    const body = JSON.stringify({ resourceLogs: [{ resource, scopeLogs }] });
    try {
      const signal = AbortSignal.timeout(EXPORT_TIMEOUT_MS);
      const request = new Request(this.#url, { method: "POST", headers: this.#headers, body, signal });
      const response = await this.#fetch(request);
      await response.body?.cancel();
      // The endpoint will never accept these records, so they are not sent again.
      if (response.status >= 400 && response.status < 500 && response.status !== 429) {
        this.dropped += lines.length;
        return true;
      }
      return response.ok;
    } catch {
      return false;
    }
  }
}
