/** Returns true for a status with which the upstream, and not the caller, is at fault. */
export function isErrorStatus(status) {
  return status >= 500 || status === 429;
}
