// Detects a failure inside a successful response from a copy of the body.

export class BodyInspector {
  #looksPartial;
  #remaining;
  #text = "";
  #decoder = new TextDecoder();

  /** Returns an inspector if inspection is enabled and the response is of a type that can contain a failure. */
  static for({ status, headers }, maxBytes) {
    if (maxBytes === 0) return undefined;
    const type = headers.get("content-type") ?? "";
    if (status === 207) return new BodyInspector(hasFailedPart, maxBytes);
    if (status < 300 && /^application\/(?:graphql-response\+)?json\b/.test(type)) return new BodyInspector(hasErrorsBesideData, maxBytes);
    return undefined;
  }

  constructor(looksPartial, maxBytes) {
    this.#looksPartial = looksPartial;
    this.#remaining = maxBytes;
  }

  /** Adds the next bytes. A body longer than the maximum is not judged. */
  push(chunk) {
    if (typeof chunk === "string") chunk = new TextEncoder().encode(chunk);
    this.#remaining -= chunk.byteLength;
    this.#text = this.#remaining < 0 ? "" : this.#text + this.#decoder.decode(chunk, { stream: true });
  }

  /** Returns true if the complete body reports a failure. */
  isPartial() {
    return this.#remaining >= 0 && this.#looksPartial(this.#text);
  }
}

/** Returns true for a multi-status body, in XML or JSON, in which a part failed. */
function hasFailedPart(text) {
  return /<(?:\w+:)?status>\s*HTTP\/[\d.]+ [45]\d\d\b/.test(text) || /"status"\s*:\s*"?(?:HTTP\/[\d.]+ )?[45]\d\d\b/.test(text);
}

/** Returns true for a GraphQL response with errors in addition to data. */
function hasErrorsBesideData(text) {
  if (!text.includes('"errors"')) return false;
  try {
    const { errors, data } = JSON.parse(text) ?? {};
    return Array.isArray(errors) && errors.length > 0 && data !== undefined && data !== null;
  } catch {
    return false;
  }
}
