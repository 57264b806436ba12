// A collector of OTLP logs over HTTP, which keeps the records that it receives.
import { createServer } from "node:http";
import { once } from "node:events";

export class Collector {
  #server;
  /** The requests received. */
  requests = [];
  records = [];
  /** The status of its responses. */
  status = 200;

  static async start() {
    const collector = new Collector();
    collector.#server = createServer(async (request, response) => {
      // An export ends with the gateway that sends it.
      const chunks = await request.toArray().catch(() => undefined);
      if (chunks === undefined) return;
      const body = JSON.parse(Buffer.concat(chunks));
      collector.requests.push({ path: request.url, headers: request.headers, body });
      if (collector.status === 200) collector.records.push(...logs(body).map(recordOf));
      response.writeHead(collector.status, { "content-type": "application/json" });
      response.end("{}");
    });
    collector.#server.listen(0, "127.0.0.1");
    await once(collector.#server, "listening");
    return collector;
  }

  get address() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Returns the log records of an export. */
export function logs(body) {
  return body.resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));
}

/** Restores the record from a log record. */
export function recordOf({ eventName, body, attributes }) {
  const record = { type: eventName.slice("nearmiss.".length), explain: body.stringValue };
  for (const { key, value } of attributes) if (key.startsWith("nearmiss.")) record[key.slice("nearmiss.".length)] = plain(value);
  return record;
}

function plain(value) {
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.arrayValue) return value.arrayValue.values.map(plain);
  if (value.kvlistValue) return Object.fromEntries(value.kvlistValue.values.map(({ key, value: item }) => [key, plain(item)]));
  return value.stringValue ?? value.doubleValue ?? value.boolValue;
}
