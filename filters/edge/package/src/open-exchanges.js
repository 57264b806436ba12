// The exchanges that have not ended, so that each is counted even if its body is not read.

export class OpenExchanges {
  #open = new Set();
  #collected = typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry((exchange) => exchange.collected());

  add(exchange) {
    this.#open.add(exchange);
  }

  delete(exchange) {
    this.#open.delete(exchange);
  }

  /** Ends the exchange when its body is garbage-collected, in runtimes that report that. */
  watch(body, exchange) {
    this.#collected?.register(body, exchange, exchange);
  }

  unwatch(exchange) {
    this.#collected?.unregister(exchange);
  }

  /** Counts all exchanges that have been answered. */
  endAll() {
    for (const exchange of [...this.#open]) exchange.endUnread();
  }
}
