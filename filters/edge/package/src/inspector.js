// Looks for a failure inside a success, in a copy of the first bytes of a body.

export class Inspector {
  #looksPartial;
  #left;
  #text = "";
  #decoder = new TextDecoder();

  /** One for a response that can have a failure inside, if it is asked for. */
  static for({ status, headers }, bytes) {
    if (bytes === 0) return undefined;
    const type = headers.get("content-type") ?? "";
    if (status === 207) return new Inspector(hasInnerFailure, bytes);
    if (status < 300 && /^application\/(?:graphql-response\+)?json\b/.test(type)) return new Inspector(hasErrorsBesideData, bytes);
    return undefined;
  }

  constructor(looksPartial, bytes) {
    this.#looksPartial = looksPartial;
    this.#left = bytes;
  }

  /** Takes the next bytes; a body longer than the cap is not judged. */
  take(chunk) {
    this.#left -= chunk.byteLength;
    this.#text = this.#left < 0 ? "" : this.#text + this.#decoder.decode(chunk, { stream: true });
  }

  /** Whether the whole body, now read, tells of a failure. */
  isPartial() {
    return this.#left >= 0 && this.#looksPartial(this.#text);
  }
}

/** A multi-status with a part that failed, in XML or in JSON. */
function hasInnerFailure(text) {
  return /<(?:\w+:)?status>\s*HTTP\/[\d.]+ [45]\d\d\b/.test(text) || /"status"\s*:\s*"?(?:HTTP\/[\d.]+ )?[45]\d\d\b/.test(text);
}

/** A GraphQL answer with errors beside its data. */
function hasErrorsBesideData(text) {
  if (!text.includes('"errors"')) return false;
  try {
    const { errors, data } = JSON.parse(text) ?? {};
    return Array.isArray(errors) && errors.length > 0 && data !== undefined && data !== null;
  } catch {
    return false;
  }
}
