// A response body that reports its end.

/**
 * Returns a stream of the same bytes, read only on demand. Calls `onEnd` once with the number of bytes and the outcome: `complete`,
 * `cut` (the origin failed in the middle) or `aborted` (the reader cancelled).
 */
export function observedBody(body, signal, { onChunk, onEnd }) {
  const reader = body.getReader();
  let bytes = 0;
  let hasEnded = false;
  const end = (outcome) => {
    if (hasEnded) return;
    hasEnded = true;
    signal?.removeEventListener("abort", onAbort);
    onEnd(bytes, outcome);
  };
  const onAbort = () => {
    end("aborted");
    reader.cancel(signal.reason).catch(() => {});
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            end("complete");
            controller.close();
            return;
          }
          bytes += value.byteLength;
          onChunk(value);
          controller.enqueue(value);
        } catch (error) {
          end(signal?.aborted ? "aborted" : "cut");
          controller.error(error);
        }
      },
      async cancel(reason) {
        end("aborted");
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
