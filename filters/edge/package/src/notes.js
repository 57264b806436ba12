// What a gateway says of its own retries and fallbacks.
import { known, refuse } from "./settings.js";

const NUMBERS = ["maxAttempts", "timeout", "deadline", "grpcStatus", "clientAttempt", "quotaRemaining", "quotaLimit"];
const TEXTS = ["upstream", "route", "host", "cacheStatus", "proxyStatus", "traceId"];
const FLAGS = ["partial", "hedged", "stream", "breaker", "stale", "failover", "fallback"];
const ATTEMPT = ["host", "status", "durationMs"];

/** The facts, checked. */
export function notesOf(facts) {
  known(facts, [...TEXTS, ...NUMBERS, ...FLAGS, "attempt"], "note");
  for (const name of NUMBERS) check(facts, name, (value) => Number.isFinite(value) && value >= 0, "a number, 0 or more");
  for (const name of TEXTS) check(facts, name, (value) => typeof value === "string", "a text");
  for (const name of FLAGS) check(facts, name, (value) => typeof value === "boolean", "true or false");
  if (facts.attempt !== undefined) {
    known(facts.attempt, ATTEMPT, "attempt");
    check(facts.attempt, "host", (value) => typeof value === "string", "a text");
    check(facts.attempt, "status", (value) => Number.isInteger(value) && value >= 0 && value <= 999, "a status");
    check(facts.attempt, "durationMs", (value) => Number.isFinite(value) && value >= 0, "milliseconds");
  }
  return facts;
}

function check(facts, name, holds, takes) {
  if (facts[name] !== undefined && !holds(facts[name])) refuse(name, facts[name], takes);
}
