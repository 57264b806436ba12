/** Returns true for a status with which the upstream, and not the caller, is at fault. */
export function isErrorStatus(status) {
  return status >= 500 || status === 429;
}

/** Statuses that stand for those that a browser hides. */
const HIDDEN = { opaque: 200, opaqueredirect: 302 };

/** Returns the status with which a response is counted. */
export function countedStatus({ status, type }) {
  return status === 0 ? (HIDDEN[type] ?? 0) : status;
}
