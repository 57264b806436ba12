// A request that may have to be sent more than once.

export class Template {
  #request;
  #bytes;

  /** Reads a short body into memory, so that it can be sent again; a long one, or one of unknown length, goes out once. */
  static async of(request, maxAttempts, replayBytes) {
    const template = new Template();
    template.#request = request;
    template.canRepeat = request.body === null || request.body === undefined;
    if (!template.canRepeat && maxAttempts > 1) {
      const length = Number(request.headers.get("content-length") ?? NaN);
      if (length <= replayBytes) {
        template.#bytes = await request.arrayBuffer();
        template.canRepeat = true;
      }
    }
    return template;
  }

  /** The request once more. */
  make(signal) {
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

  /** Whom it goes to: the host of its address. */
  get host() {
    return new URL(this.#request.url).host;
  }
}
