/** How long Redis is waited for. */

/** A command that has no answer by then has an unknown outcome; verbs are idempotent (P7). */
export const COMMAND_TIMEOUT_MS = 1_000;
export const CONNECT_TIMEOUT_MS = 2_000;
/** The longest pause between two attempts to connect. */
export const RECONNECT_MAX_MS = 1_000;
/** A connection without an answer of any kind for so long, while commands wait, is ended: more than a slow call takes. */
export const SILENCE_MAX_MS = 3_000;
/** For an orderly end; then the socket is destroyed. The other side may be gone. */
export const DISCONNECT_TIMEOUT_MS = 500;
/** Longest wait of a blocking read. */
export const BLOCK_MAX_MS = 5_000;
/** What a blocking read may take beyond its wait. */
export const READ_SLACK_MS = 1_000;
