/** How a connection was lost. */
export interface Disconnection {
  readonly code: number;
  readonly reason: string;
  readonly willReconnect: boolean;
  /** The next attempt, and after how long. Absent: at once. */
  readonly attempt?: number;
  readonly delayMs?: number;
}
