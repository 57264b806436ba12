// An origin that misbehaves on request: the last path segment selects the behaviour, and `?id=` identifies the exchange, whose
// requests are counted.
import { createServer } from "node:http";
import { once } from "node:events";

const BEHAVIOURS = {
  ok: (_, response) => response.end("hello"),
  flaky: (attempt, response) => (attempt === 1 ? fail(response, 503) : response.end("hello")),
  bad: (_, response) => fail(response, 503),
  broken: (_, response) => fail(response, 500),
  asks: (attempt, response) => (attempt === 1 ? fail(response, 503, { "retry-after": "1" }) : response.end("hello")),
  late: (attempt, response) => attempt > 1 && response.end("hello"),
  hang: () => {},
  reset: (_, response) => response.socket.destroy(),
  drip: (_, response, origin) => {
    response.write("first ");
    origin.released.then(() => response.end("last"));
  },
  endless: (_, response) => {
    const timer = setInterval(() => response.write("more "), 20);
    response.on("close", () => clearInterval(timer));
  },
  cut: (_, response, origin) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half");
    origin.released.then(() => response.socket?.destroy());
  },
  echo: (attempt, response, _, request) => (attempt === 1 ? request.resume() && fail(response, 503) : request.pipe(response)),
  stale: (_, response) => {
    response.setHeader("cache-status", "Cache; hit; ttl=-30");
    response.end("old");
  },
  graphql: (_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ data: { cart: null }, errors: [{ message: "no stock" }] }));
  },
};

function fail(response, status, headers = {}) {
  response.writeHead(status, headers);
  response.end("no");
}

export class Origin {
  #server;
  #attempts = new Map();
  #release;
  /** Number of requests received. */
  total = 0;
  /** Number of requests that the client cancelled. */
  abandoned = 0;

  static async start() {
    const origin = new Origin();
    origin.#hold();
    origin.#server = createServer((request, response) => origin.#answer(request, response));
    origin.#server.keepAliveTimeout = 60_000;
    origin.#server.listen(0, "127.0.0.1");
    await once(origin.#server, "listening");
    return origin;
  }

  get address() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  get url() {
    return `http://${this.address}`;
  }

  /** Returns the number of requests received for the exchange `id`. */
  arrived(id) {
    return this.#attempts.get(id) ?? 0;
  }

  /** Ends the bodies that wait for it, as their behaviour says. */
  release() {
    this.#release();
    this.#hold();
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #hold() {
    this.released = new Promise((resolve) => (this.#release = resolve));
  }

  #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, "http://origin");
    const id = searchParams.get("id") ?? pathname;
    const attempt = this.arrived(id) + 1;
    this.#attempts.set(id, attempt);
    this.total += 1;
    response.on("close", () => (this.abandoned += response.writableFinished ? 0 : 1));
    response.on("error", () => {});
    BEHAVIOURS[pathname.split("/").at(-1)](attempt, response, this, request);
  }
}
