// Validation of notes, in which a gateway reports its own retries and fallbacks.
import { refuse, refuseUnknown } from "./validate.js";

const NUMBERS = ["maxAttempts", "timeout", "deadline", "timeoutUsed", "deadlineUsed", "service", "grpcStatus", "clientAttempt", "quotaRemaining", "quotaLimit"];
const TEXTS = ["upstream", "route", "host", "cacheStatus", "proxyStatus", "traceId"];
const FLAGS = ["partial", "hedged", "stream", "breaker", "stale", "failover", "fallback"];
const ATTEMPT = ["host", "status", "durationMs"];

/** Returns the note, or throws if a field of it is invalid. */
export function validNote(note) {
  refuseUnknown(note, [...TEXTS, ...NUMBERS, ...FLAGS, "attempt"], "note");
  for (const name of NUMBERS) check(note, name, (value) => Number.isFinite(value) && value >= 0, "a number, 0 or more");
  for (const name of TEXTS) check(note, name, (value) => typeof value === "string", "a string");
  for (const name of FLAGS) check(note, name, (value) => typeof value === "boolean", "true or false");
  if (note.attempt !== undefined) {
    refuseUnknown(note.attempt, ATTEMPT, "attempt");
    check(note.attempt, "host", (value) => typeof value === "string", "a string");
    check(note.attempt, "status", (value) => Number.isInteger(value) && value >= 0 && value <= 999, "a status");
    check(note.attempt, "durationMs", (value) => Number.isFinite(value) && value >= 0, "milliseconds");
  }
  return note;
}

function check(fields, name, isValid, takes) {
  if (fields[name] !== undefined && !isValid(fields[name])) refuse(name, fields[name], takes);
}
