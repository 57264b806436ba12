// The observation of one body from the side: its readers report chunks and the end, and fail when the exchange is aborted.

/** The reason with which Node cancels the body of a response that was garbage-collected. */
const COLLECTED = /garbage collected/;

export class BodyObservation {
  #observer;
  #signal;
  #abortReason;
  #isAborted = false;
  #hasProgress = false;
  #bytes = 0;
  #hasEnded = false;
  #pending = new Set();
  #cancelStream = () => {};
  #cancelSource = this.#cancelStream;
  /** Removes the listener of the signal. It does not keep the body alive. */
  unlisten;

  /**
   * Calls `onChunk` with each chunk, and `onEnd` once with the number of bytes and the outcome: `complete`, `cut` (the origin failed in the
   * middle), `aborted` (the reader cancelled or the caller aborted) or `unread` (no reader was waiting when the deadline passed).
   */
  constructor(signal, { onChunk, onEnd }) {
    this.#observer = { onChunk, onEnd };
    this.#signal = signal;
    // The signal may live longer than an unread body, so it does not keep the body alive.
    const weak = typeof WeakRef === "undefined" ? { deref: () => this } : new WeakRef(this);
    const onAbort = () => weak.deref()?.abort(signal.reason, "aborted");
    this.unlisten = () => signal?.removeEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  }

  /** Errors the body, for readers in progress and later ones. */
  abort(reason, outcome) {
    if (this.#isAborted || this.#hasEnded) return;
    this.#isAborted = true;
    this.#abortReason = reason;
    this.#end(outcome);
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
    this.#cancelSource(reason);
  }

  /** Errors the body at the deadline. */
  expire(reason) {
    this.abort(reason, this.#pending.size > 0 ? "cut" : "unread");
  }

  /** Sets the function that cancels the body while it has no reader. */
  onUnlocked(cancel) {
    this.#cancelStream = cancel;
    this.#cancelSource = cancel;
  }

  /** Returns true if a reader waits for a chunk, or got one since the last call. */
  isRead() {
    const isRead = this.#pending.size > 0 || this.#hasProgress;
    this.#hasProgress = false;
    return isRead;
  }

  /** Observes a reader of the body, of either kind. */
  attach(reader) {
    const [read, cancel, releaseLock] = ["read", "cancel", "releaseLock"].map((name) => reader[name].bind(reader));
    let isReleased = false;
    this.#cancelSource = (reason) => void cancel(reason).catch(() => {});
    set(reader, "read", (...args) => this.#read(() => read(...args), () => isReleased));
    set(reader, "cancel", (reason) => {
      if (!isReleased) this.cancelled(reason);
      return cancel(reason);
    });
    set(reader, "releaseLock", () => {
      isReleased = true;
      this.#cancelSource = this.#cancelStream;
      releaseLock();
    });
    return reader;
  }

  /** Records that the consumer cancelled the body. */
  cancelled(reason) {
    this.#end(COLLECTED.test(String(reason)) ? "unread" : "aborted");
  }

  #read(read, isReleased) {
    if (this.#isAborted) return Promise.reject(this.#abortReason);
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      read().then(
        (result) => {
          this.#pending.delete(reject);
          this.#onResult(result);
          resolve(result);
        },
        (error) => {
          this.#pending.delete(reject);
          if (!isReleased()) this.#end(this.#signal?.aborted ? "aborted" : "cut");
          reject(error);
        },
      );
    });
  }

  #onResult({ done, value }) {
    if (done) return this.#end("complete");
    this.#hasProgress = true;
    // A stream may carry chunks of any type; the size of others is unknown.
    this.#bytes += ArrayBuffer.isView(value) ? value.byteLength : NaN;
    try {
      this.#observer.onChunk(value);
    } catch {
      // An inspector must not fail the body.
    }
  }

  #end(outcome) {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.unlisten();
    this.#observer.onEnd(Number.isNaN(this.#bytes) ? undefined : this.#bytes, outcome);
  }
}

/** Defines a property that shadows the prototype's. */
export function set(object, name, value) {
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
}
