// A client with retries of its own: it tries twice, and says what it did.

/** Passes `request` on to `origin`; `note` hears of every attempt. */
export async function sendMail(origin, request, note) {
  const { pathname } = new URL(request.url);
  note({ maxAttempts: 2 });
  let response;
  for (let tries = 0; tries < 2; tries += 1) {
    const started = performance.now();
    response = await fetch(new URL(pathname, origin), { method: request.method, signal: request.signal });
    note({ attempt: { host: new URL(origin).host, status: response.status, durationMs: performance.now() - started } });
    if (response.ok) return response;
    if (tries === 0) await response.body?.cancel();
  }
  return response;
}
