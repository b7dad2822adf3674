/** Codes of closes that this client makes itself, or treats by name. */
export const NORMAL = 1_000;
export const GOING_AWAY = 1_001;
/** As a browser reports a connection that was cut. */
export const CUT = 1_006;
export const TOO_BIG = 1_009;
export const AT_LIMIT = 4_009;
export const EVICTED = 4_010;
export const KICKED = 4_011;
export const REPLACED = 4_012;
