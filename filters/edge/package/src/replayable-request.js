// A request that may be sent more than once.

export class ReplayableRequest {
  #request;
  #bytes;

  /** Buffers a short body so that it can be sent again. A long body, or one of unknown length, can be sent only once. */
  static async from(request, maxAttempts, replayBytes) {
    const replayable = new ReplayableRequest();
    replayable.#request = request;
    replayable.canReplay = request.body === null || request.body === undefined;
    if (!replayable.canReplay && maxAttempts > 1) {
      const length = Number(request.headers.get("content-length") ?? NaN);
      if (length <= replayBytes) {
        replayable.#bytes = await request.arrayBuffer();
        replayable.canReplay = true;
      }
    }
    return replayable;
  }

  /** Creates a request for the next attempt. */
  create(signal) {
    const request = this.#request;
    return this.#bytes === undefined
      ? new Request(request, { signal })
      : new Request(request.url, {
          method: request.method,
          headers: request.headers,
          body: this.#bytes,
          redirect: request.redirect,
          signal,
        });
  }

  /** The host in the request's URL. */
  get host() {
    return new URL(this.#request.url).host;
  }
}
