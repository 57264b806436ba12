// Notes, in which a gateway reports its own retries and fallbacks. A note is telemetry: what is invalid in it is left out and never
// thrown into the gateway.

const isNumber = [(value) => Number.isFinite(value) && value >= 0, "a number, 0 or more"];
const isText = [(value) => typeof value === "string", "a string"];
const isFlag = [(value) => typeof value === "boolean", "true or false"];
const isStatus = [(value) => Number.isInteger(value) && value >= 0 && value <= 999, "a status"];

const NUMBERS = ["maxAttempts", "timeout", "deadline", "timeoutUsed", "deadlineUsed", "service", "grpcStatus", "clientAttempt", "quotaRemaining", "quotaLimit"];
const TEXTS = ["upstream", "route", "host", "cacheStatus", "proxyStatus", "traceId", "reason"];
const FLAGS = ["partial", "hedged", "stream", "breaker", "rejected", "failOpen", "pool", "stale", "failover", "fallback"];
const FIELDS = new Map([
  ...NUMBERS.map((name) => [name, isNumber]),
  ...TEXTS.map((name) => [name, isText]),
  ...FLAGS.map((name) => [name, isFlag]),
]);
const ATTEMPT_FIELDS = new Map([["host", isText], ["status", isStatus], ["durationMs", isNumber]]);

/** The fields that `observe` takes in addition to those of a note. */
const EXCHANGE_FIELDS = new Map([
  ...FIELDS,
  ["endedMs", isNumber],
  ["status", isStatus],
  ["durationMs", isNumber],
  ["attempts", isNumber],
  ["bytes", isNumber],
  ["aborted", isFlag],
  ["userAgent", isText],
  ["path", isText],
]);

/** Returns the valid fields of a note, and a message for each invalid one. */
export function parseNote(note) {
  const problems = [];
  const { attempt, ...rest } = objectOf(note, "note", problems);
  const fields = validFields(rest, FIELDS, "note", problems);
  if (attempt !== undefined) fields.attempt = validFields(objectOf(attempt, "attempt", problems), ATTEMPT_FIELDS, "attempt", problems);
  return { fields, problems };
}

/** Returns the valid fields of an exchange that the gateway made, and a message for each invalid one. */
export function parseExchange(exchange) {
  const problems = [];
  const { attemptLog = [], ...rest } = objectOf(exchange, "observe", problems);
  const fields = validFields(rest, EXCHANGE_FIELDS, "observe", problems);
  const attempts = Array.isArray(attemptLog) ? attemptLog : [];
  fields.attemptLog = attempts.map((attempt) => validFields(objectOf(attempt, "attempt", problems), ATTEMPT_FIELDS, "attempt", problems));
  return { fields, problems };
}

function objectOf(value, where, problems) {
  if (typeof value === "object" && value !== null) return value;
  problems.push(`${where} takes an object`);
  return {};
}

function validFields(values, table, where, problems) {
  const valid = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null) continue;
    const [isValid, takes] = table.get(name) ?? [];
    if (isValid === undefined) problems.push(`\`${name}\` is not an option of ${where}; the options are ${[...table.keys()].join(", ")}`);
    else if (!isValid(value)) problems.push(`\`${name}\` of ${where} is ${shown(value)}; it takes ${takes}`);
    else valid[name] = value;
  }
  return valid;
}

function shown(value) {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 100)) : Object.is(value, NaN) || typeof value === "number" ? String(value) : typeof value;
}
