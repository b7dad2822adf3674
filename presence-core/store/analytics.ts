/** Clicks, impressions and distinct users by the hour (rule P16). */

export type EventKind = 'click' | 'impression';

export interface CountedEvent {
  readonly userId: string;
  readonly kind: EventKind;
  /** Decides the hour it counts for; at most a day away from now. */
  readonly at: number;
}

/**
 * What was counted for an hour, UTC (P16), since its counters were begun. They are begun anew, as another generation,
 * when the store forgot them: what a history keeps of an hour is the sum over its generations, of each the most seen.
 */
export interface HourCounts {
  readonly hourAt: number;
  readonly generation: string;
  readonly clicks: number;
  readonly impressions: number;
}

export interface HourRecord extends HourCounts {
  /** Sketch of the users, at most 80,004 bytes: for `mergeSketches` and `countSketches`. */
  readonly users: Uint8Array;
}

export interface StoreAnalytics {
  /** Adds to the hour of the event. The one act that counts twice when it is repeated after an unknown outcome. */
  count(event: CountedEvent): Promise<void>;
  /** Of all hours kept, oldest first: when an hour's counts are as they were, so are its users. */
  hours(): Promise<HourCounts[]>;
  /** Of the hour that contains `at`; null when nothing is kept of it. */
  hour(at: number): Promise<HourRecord | null>;
}
