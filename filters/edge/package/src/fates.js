/** The names of the fates, indexed by number, weakest first. */
export const FATES = [
  "clean", "slow", "tight", "client_retried", "retried", "failover", "stale", "fallback", "partial", "failed",
  "rejected", "abandoned",
];
