// The packed verdict, as filters/edge/src/packed_verdict.rs defines it.
const FATE = 0xf;
const MARGIN = 0x7fff;

export const HAS_RECORDS = 1 << 4;
export const INVALID = 1 << 5;
export const ABORTED = 1 << 6;

/** Returns the number of the fate. */
export const fateOf = (verdict) => verdict & FATE;

/** Returns the margin in basis points plus one; 0 if no limit is known. */
export const marginPlusOneOf = (verdict) => (verdict >>> 8) & MARGIN;

/** Returns the number of the reason for which an exchange failed. */
export const reasonOf = (verdict) => verdict >>> 23;
