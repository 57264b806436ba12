// Waits for conditions with a timeout.

/** Timeout; a passing test never waits this long. */
export const TIMEOUT_MS = 60_000;

/** Polls until `poll` returns a value, and throws with the `description` after the timeout. */
export async function eventually(description, poll) {
  const start = Date.now();
  for (;;) {
    const value = await poll();
    if (value !== undefined && value !== false) return value;
    if (Date.now() - start > TIMEOUT_MS) throw new Error(`waited a minute for ${description}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
