// Waiting for what must come.

/** A test that is going to pass never waits that long. */
export const PATIENCE_MS = 60_000;

/** Asks until there is an answer, and fails with the name of what was waited for. */
export async function eventually(what, ask) {
  const start = Date.now();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() - start > PATIENCE_MS) throw new Error(`waited a minute for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
