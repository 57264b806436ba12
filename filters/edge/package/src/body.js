// A response body that says when it is over, and how.

/**
 * The same bytes, read only when they are asked for. `onEnd` is called once, with their number and how it ended: `complete`,
 * `cut` (the origin stopped in the middle) or `aborted` (the reader went away).
 */
export function watchedBody(body, signal, { onChunk, onEnd }) {
  const reader = body.getReader();
  let bytes = 0;
  let over = false;
  const end = (outcome) => {
    if (over) return;
    over = true;
    signal?.removeEventListener("abort", left);
    onEnd(bytes, outcome);
  };
  const left = () => {
    end("aborted");
    reader.cancel(signal.reason).catch(() => {});
  };
  signal?.addEventListener("abort", left, { once: true });
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
