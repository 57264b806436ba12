// Records as OpenTelemetry logs, in batches over HTTP.
import { callable, known, refuse, span, whole } from "./settings.js";
import { logRecord } from "./log-record.js";

/** How long an endpoint may take. */
const PATIENCE_MS = 10_000;

/** A place for records: an OTLP/HTTP endpoint such as `https://collector/v1/logs`. */
export function otlp(options) {
  return new Otlp(options);
}

class Otlp {
  #url;
  #headers;
  #service;
  #batch;
  #delay;
  #most;
  #fetch;
  #waiting = [];
  /** How many records are with the endpoint. */
  #sending = 0;
  #underWay = new Set();
  #run;
  #pushed = 0;
  #since;
  /** Records that found no room because the endpoint had been away for too long. */
  dropped = 0;

  constructor(options) {
    known(options, ["url", "headers", "service", "batch", "delay", "queue", "fetch"], "otlp");
    const { url, headers = {}, service = "gateway" } = options;
    if (!URL.canParse(String(url))) refuse("url", url, "the URL of an OTLP/HTTP endpoint");
    this.#url = String(url);
    this.#headers = { ...headers, "content-type": "application/json" };
    this.#service = service;
    this.#batch = whole(options, "batch", 1, 10_000, "records, 1 to 10000", 100);
    this.#delay = span(options, "delay", 5_000);
    this.#most = whole(options, "queue", 1, 100_000, "records, 1 to 100000", 2_000);
    this.#fetch = callable(options, "fetch", (request) => globalThis.fetch(request));
  }

  push(line) {
    if (this.#waiting.length + this.#sending >= this.#most) {
      this.dropped += 1;
      return;
    }
    // A repeat is known by it: the endpoint may have taken what it did not say it took.
    this.#run ??= crypto.randomUUID();
    this.#waiting.push({ line, uid: `${this.#run}-${(this.#pushed += 1)}` });
  }

  /** Whether a batch is full, or something has waited long enough. */
  due(nowMs) {
    if (this.#waiting.length === 0) return false;
    this.#since ??= nowMs;
    return this.#waiting.length >= this.#batch || nowMs - this.#since >= this.#delay;
  }

  /** Sends what waits, a batch at a time. What the endpoint does not take waits for the next time. */
  flush() {
    const sent = this.#sendAll().finally(() => this.#underWay.delete(sent));
    this.#underWay.add(sent);
    return sent;
  }

  /** The same, after everything that is under way: for the end, where nobody will ask again. */
  async finish() {
    await Promise.all(this.#underWay);
    await this.flush();
  }

  // One does not wait for another: in Workers each belongs to its own request, and may be cancelled with it.
  async #sendAll() {
    const lines = this.#waiting.splice(0);
    const count = lines.length;
    this.#sending += count;
    this.#since = undefined;
    while (lines.length > 0) {
      const batch = lines.slice(0, this.#batch);
      if (!(await this.#send(batch))) break;
      lines.splice(0, batch.length);
    }
    this.#sending -= count;
    // Older ones first; the newest find no room.
    this.#waiting.unshift(...lines);
    this.dropped += this.#waiting.splice(this.#most).length;
  }

  async #send(lines) {
    const resource = { attributes: [{ key: "service.name", value: { stringValue: this.#service } }] };
    const scopeLogs = [{ scope: { name: "nearmiss" }, logRecords: lines.map(({ line, uid }) => logRecord(line, uid, Date.now())) }];
    const body = JSON.stringify({ resourceLogs: [{ resource, scopeLogs }] });
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const request = new Request(this.#url, { method: "POST", headers: this.#headers, body, signal });
      const response = await this.#fetch(request);
      await response.body?.cancel();
      // What it will never take is not worth another try.
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
