// An origin that misbehaves on request: the last part of a path says how, `?id=` whose turn it is.
import { createServer } from "node:http";
import { once } from "node:events";

const BEHAVIOURS = {
  ok: (_, response) => response.end("hello"),
  flaky: (turn, response) => (turn === 1 ? fail(response, 503) : response.end("hello")),
  bad: (_, response) => fail(response, 503),
  broken: (_, response) => fail(response, 500),
  asks: (turn, response) => (turn === 1 ? fail(response, 503, { "retry-after": "1" }) : response.end("hello")),
  late: (turn, response) => turn > 1 && response.end("hello"),
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
  echo: (turn, response, _, request) => (turn === 1 ? request.resume() && fail(response, 503) : request.pipe(response)),
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
  #turns = new Map();
  #release;
  /** Requests that came. */
  total = 0;
  /** Requests that the other side gave up. */
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

  /** How many requests came for that turn. */
  arrived(id) {
    return this.#turns.get(id) ?? 0;
  }

  /** Lets bodies that wait come to their end, whatever it is. */
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
    const turn = this.arrived(id) + 1;
    this.#turns.set(id, turn);
    this.total += 1;
    response.on("close", () => (this.abandoned += response.writableFinished ? 0 : 1));
    response.on("error", () => {});
    BEHAVIOURS[pathname.split("/").at(-1)](turn, response, this, request);
  }
}
