// Reports in the format of cargo's tests, so that one script counts all tests.

export default async function* libtest(source) {
  let [passed, failed, filtered] = [0, 0, 0];
  for await (const { type, data } of source) {
    if (type === "test:stderr") yield data.message;
    if (type !== "test:pass" && type !== "test:fail") continue;
    // Suites and files are not tests, but are reported if they fail other than through their tests.
    const isGroup = data.details?.type === "suite" || data.name.endsWith(".mjs");
    const failedItself = type === "test:fail" && data.details.error?.failureType !== "subtestsFailed";
    if (isGroup && !failedItself) continue;
    if (/pattern/.test(data.skip)) {
      filtered += 1;
      continue;
    }
    if (data.skip !== undefined || data.todo !== undefined || type === "test:fail") {
      failed += 1;
      yield `test ${data.name} ... FAILED\n${reason(data)}\n`;
    } else {
      passed += 1;
      yield `test ${data.name} ... ok (${Math.round(data.details.duration_ms)} ms)\n`;
    }
  }
  const word = failed === 0 && passed > 0 ? "ok" : "FAILED";
  yield `\ntest result: ${word}. ${passed} passed; ${failed} failed; 0 ignored; 0 measured; ${filtered} filtered out\n`;
}

function reason({ details, skip, todo }) {
  const error = details?.error?.cause ?? details?.error;
  return error?.stack ?? error?.message ?? String(error ?? `skipped: ${skip ?? todo}`);
}
