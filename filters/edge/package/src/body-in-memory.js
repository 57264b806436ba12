// A look at a handler's body. A body in memory is complete at once, so its response is handed on as it is, with a length that only the
// runtime knows.

/** Resolves to the bytes of the body if it is in memory. Reads a copy, so that the response stays as it is. */
export async function bodyInMemory(response) {
  const reader = readerOfCopy(response);
  if (reader === undefined) return undefined;
  const isComplete = (result) => result.done;
  const first = reader.read();
  const second = first.then((result) => (result.done ? result : reader.read()));
  const nextTurn = new Promise((resolve) => setTimeout(resolve, 0, false));
  // A body that fails does so for its own reader.
  if (await Promise.race([second.then(isComplete, () => false), nextTurn])) {
    const { done, value = new Uint8Array() } = await first;
    if (done || value instanceof Uint8Array) return value;
  }
  reader.cancel().catch(() => {});
  return undefined;
}

function readerOfCopy(response) {
  try {
    return response.clone().body?.getReader();
  } catch {
    // A body that is being read cannot be copied.
    return undefined;
  }
}
