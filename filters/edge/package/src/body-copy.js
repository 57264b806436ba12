// A copy of the body of a request or response, read in the background.

export class BodyCopy {
  #reader;
  #isClosed = false;
  #done;
  /** The bytes, once the body is complete and not too long. */
  bytes;
  /** True if the message has no body. */
  isOfNoBody = false;
  /** True if the body failed before its end. */
  hasFailed = false;

  /** Returns a copy of at most `maxBytes`, or nothing if the body cannot be copied. */
  static of(message, maxBytes) {
    try {
      const copy = new BodyCopy();
      const { body } = message.clone();
      copy.isOfNoBody = body === null || body === undefined;
      if (copy.isOfNoBody) return copy;
      copy.#reader = body.getReader();
      copy.#done = copy.#read(maxBytes).catch(() => (copy.hasFailed = true));
      return copy;
    } catch {
      return undefined;
    }
  }

  /** Waits for the copy as long as it takes no time: a body in memory is complete by then. */
  settled() {
    return Promise.race([this.#done, new Promise((resolve) => setTimeout(resolve, 0))]);
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader?.cancel().catch(() => {});
  }

  async #read(maxBytes) {
    const chunks = [];
    let length = 0;
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (this.#isClosed) return;
      if (done) break;
      length += value.byteLength;
      if (length > maxBytes) return this.close();
      chunks.push(value);
    }
    this.#isClosed = true;
    this.bytes = joined(chunks, length);
  }
}

function joined(chunks, length) {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
