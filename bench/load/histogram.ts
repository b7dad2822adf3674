/**
 * Latencies, counted in buckets whose width grows with the value, as HdrHistogram does: 128 buckets to each doubling, so
 * a percentile is at most 0.8 % above the true value, whatever that is. Memory depends on the span of values and not on
 * their number, and histograms of several processes are merged by adding.
 */
const SUB_BITS = 7;
const SUB = 1 << SUB_BITS;
const US_PER_MS = 1_000;
/** About 19 hours; what took longer counts as that. */
const MAX_US = 2 ** 36;

/** Pairs of bucket and count, as they go between processes. */
export interface HistogramData {
  readonly buckets: readonly number[];
  readonly sumMs: number;
  readonly maxMs: number;
}

/** Values below 2 × SUB µs have a bucket each; of each doubling above the upper half of the bits is kept. */
function bucketOf(us: number): number {
  if (us < 2 * SUB) return us;
  const exponent = Math.floor(Math.log2(us)) - SUB_BITS;
  return exponent * SUB + Math.floor(us / 2 ** exponent);
}

/** The largest value in µs that falls into a bucket. */
function topOf(bucket: number): number {
  if (bucket < 2 * SUB) return bucket;
  const exponent = Math.floor(bucket / SUB) - 1;
  return (bucket - exponent * SUB + 1) * 2 ** exponent - 1;
}

export class Histogram {
  count = 0;
  maxMs = 0;
  private sumMs = 0;
  private counts = new Float64Array(16 * SUB);

  /** A negative value, as of clocks that differ, counts as 0. */
  add(ms: number): void {
    const value = Math.max(0, ms);
    this.addToBucket(bucketOf(Math.min(Math.round(value * US_PER_MS), MAX_US)), 1);
    this.sumMs += value;
    if (value > this.maxMs) this.maxMs = value;
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : this.sumMs / this.count;
  }

  /** @param percent 99.9, say. @returns ms; 0 of no values. */
  percentileMs(percent: number): number {
    const rank = Math.max(1, Math.ceil((this.count * percent) / 100));
    let seen = 0;
    for (let bucket = 0; bucket < this.counts.length; bucket++) {
      seen += this.counts[bucket] as number;
      if (seen >= rank) return Math.min(topOf(bucket) / US_PER_MS, this.maxMs);
    }
    return this.maxMs;
  }

  /** Share of the values above so many ms, from 0 to 1, to the precision of a bucket. */
  shareAbove(ms: number): number {
    if (this.count === 0) return 0;
    const bound = bucketOf(Math.round(ms * US_PER_MS));
    let above = 0;
    for (let bucket = bound + 1; bucket < this.counts.length; bucket++) above += this.counts[bucket] as number;
    return above / this.count;
  }

  merge({ buckets, sumMs, maxMs }: HistogramData): void {
    for (let i = 0; i < buckets.length; i += 2) this.addToBucket(buckets[i] as number, buckets[i + 1] as number);
    this.sumMs += sumMs;
    this.maxMs = Math.max(this.maxMs, maxMs);
  }

  data(): HistogramData {
    const buckets: number[] = [];
    this.counts.forEach((count, bucket) => {
      if (count > 0) buckets.push(bucket, count);
    });
    return { buckets, sumMs: this.sumMs, maxMs: this.maxMs };
  }

  private addToBucket(bucket: number, count: number): void {
    if (bucket >= this.counts.length) {
      const larger = new Float64Array(Math.max(bucket + 1, this.counts.length * 2));
      larger.set(this.counts);
      this.counts = larger;
    }
    this.counts[bucket] = (this.counts[bucket] as number) + count;
    this.count += count;
  }
}
