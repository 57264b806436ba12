// A request that may be sent more than once.
//
// The first attempt sends the caller's request as it is. A copy of its body is read beside it, up to a maximum, so that nothing waits for
// a slow client: a request can be sent again once its copy is complete.
import { BodyCopy } from "./body-copy.js";

export class ReplayableRequest {
  #request;
  #copy;
  #wasSent = false;

  /** Copies the body if `keepsBody` is set and the body may have at most `maxBytes`. */
  constructor(request, keepsBody, maxBytes) {
    this.#request = request;
    if (!hasBody(request) || !keepsBody || Number(request.headers.get("content-length") ?? 0) > maxBytes) return;
    this.#copy = BodyCopy.of(request, maxBytes);
  }

  /** Resolves to true if the request can be sent again. */
  async canReplay() {
    if (!hasBody(this.#request) || !this.#wasSent) return true;
    await this.#copy?.settled();
    return this.#copy?.bytes !== undefined;
  }

  /** Returns the request for an attempt, or `undefined` if its body is gone. `url` replaces the URL. */
  create(signal, url) {
    const request = this.#request;
    if (!hasBody(request)) return url === undefined ? new Request(request, { signal }) : moved(request, url, { signal });
    const isFirst = !this.#wasSent;
    this.#wasSent = true;
    if (isFirst && url === undefined) return new Request(request, { signal });
    const body = this.#copy?.bytes;
    if (body === undefined) return undefined;
    // The original keeps what belongs to the request besides URL, method and headers, such as a dispatcher, `cf` or `credentials`.
    return url === undefined ? new Request(request, { body, signal }) : moved(request, url, { body, signal });
  }

  /** The host in the request's URL. */
  get host() {
    return new URL(this.#request.url).host;
  }

  /** Stops reading the copy. */
  close() {
    this.#copy?.close();
  }
}

function hasBody({ body }) {
  return body !== null && body !== undefined;
}

function moved(request, url, init) {
  return new Request(url, { method: request.method, headers: request.headers, redirect: request.redirect, ...init });
}
