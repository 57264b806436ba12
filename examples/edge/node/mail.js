// A client that retries by itself: it makes up to two attempts and reports each of them.

/** Forwards `request` to `origin`, and calls `note` for every attempt. */
export async function sendMail(origin, request, note) {
  const { pathname } = new URL(request.url);
  note({ maxAttempts: 2 });
  let response;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const started = performance.now();
    response = await fetch(new URL(pathname, origin), { method: request.method, signal: request.signal });
    note({ attempt: { host: new URL(origin).host, status: response.status, durationMs: performance.now() - started } });
    if (response.ok) return response;
    if (attempt === 0) await response.body?.cancel();
  }
  return response;
}
