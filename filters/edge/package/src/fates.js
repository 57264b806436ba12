/** The names of the fates, indexed by number, weakest first. */
export const FATES = [
  "clean", "slow", "tight", "client_retried", "retried", "failover", "stale", "fallback", "partial", "failed",
  "rejected", "abandoned",
];

/** The fate of an exchange that failed. */
export const FAILED = FATES.indexOf("failed");

/** The names of the reasons for which an exchange fails, in the order of the core. */
export const FAILURE_REASONS = [
  "no_host", "connect", "timeout", "overload", "check", "protocol", "reset", "rate_limit", "grpc", "status",
];
