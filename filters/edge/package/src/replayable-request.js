// A request that may be sent more than once.
//
// The first attempt sends the caller's request as it is. A copy of its body is read beside it, up to a maximum, so that nothing waits for
// a slow client: a request can be sent again once its copy is complete. The body of the request itself is never looked at, because some
// runtimes forget its length then.
import { BodyCopy } from "./body-copy.js";

export class ReplayableRequest {
  #request;
  #copy;
  #mayHaveBody;
  #wasSent = false;

  /** Copies the body if `keepsBody` is set and the body may have at most `maxBytes`. */
  constructor(request, keepsBody, maxBytes) {
    this.#request = request;
    this.#mayHaveBody = !["GET", "HEAD"].includes(request.method);
    if (!this.#mayHaveBody || !keepsBody || Number(request.headers.get("content-length") ?? 0) > maxBytes) return;
    this.#copy = BodyCopy.of(request, maxBytes);
    this.#mayHaveBody = !this.#copy?.isOfNoBody;
  }

  /** Resolves to true if the request can be sent again. */
  async canReplay() {
    if (!this.#mayHaveBody || !this.#wasSent) return true;
    await this.#copy?.settled();
    return this.#copy?.bytes !== undefined;
  }

  /** Resolves to true if the body is known to have failed: its client has disconnected, and no upstream is at fault. */
  async hasFailed() {
    await this.#copy?.settled();
    return this.#copy?.hasFailed ?? false;
  }

  /** Returns the request for an attempt, or `undefined` if its body is gone. `url` replaces the URL. */
  create(signal, url) {
    const isFirst = !this.#wasSent;
    this.#wasSent = true;
    if (!this.#mayHaveBody || (isFirst && url === undefined)) return this.#with({ signal }, url);
    const body = this.#copy?.bytes;
    return body === undefined ? undefined : this.#with({ body, signal }, url);
  }

  /** The host in the request's URL. */
  get host() {
    return new URL(this.#request.url).host;
  }

  /** Stops reading the copy. */
  close() {
    this.#copy?.close();
  }

  /** The original keeps what belongs to the request besides URL, method and headers, such as a dispatcher, `cf` or `credentials`. */
  #with(init, url) {
    const { method, headers, redirect } = this.#request;
    if (url !== undefined) return new Request(url, { method, headers, redirect, ...init });
    return new Request(this.#request, { ...referrerOf(this.#request), ...init });
  }
}

/** Returns the referrer, which a new request would lose. */
function referrerOf({ referrer, referrerPolicy }) {
  return /^https?:/.test(referrer ?? "") ? { referrer, referrerPolicy } : {};
}
