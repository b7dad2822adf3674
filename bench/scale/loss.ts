/** A node of many players is lost: how long its ghosts last, and how long opens take on the others meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { progress } from '../progress.ts';
import type { Figure } from '../report.ts';
import { LONG_MS, nodeOf, ScaleBed } from './scale-bed.ts';
import { ScaleNodes } from './scale-nodes.ts';
import { evenStreams, scaleSession } from './scale-sessions.ts';
import { sizeText } from './size-text.ts';

/** All of them when there are fewer sessions. */
const LOST = 50_000;
const LOST_NODE = 'lost';
/** As of the others: a shorter one would make a silence of the time between their beats (P9). */
const LOST_LEASE_MS = 10_000;
const SHARDS = 64;
const SWEEPERS = [1, 10, 100];
const SWEEP_MS = 1_000;
const STREAMS = 500;
const OPENS_PER_SECOND = 500;
const TICK_MS = 2;
const AT_REST_MS = 10_000;
/** By then it will not be swept any more. */
const HOPELESS_MS = 180_000;
const POLL_MS = 20;

const TIMES_SLOWER = 3;

const streamOf = evenStreams(STREAMS);

/** New sessions at a steady rate, whether or not those before were answered. */
class Opens {
  latenciesMs: number[] = [];
  private readonly bed: ScaleBed;
  private next: number;
  /** They count with the time after which they failed. */
  failed = 0;
  private readonly timer: NodeJS.Timeout;
  private readonly begunAt = performance.now();
  private readonly first: number;

  constructor(bed: ScaleBed, first: number) {
    this.bed = bed;
    this.first = first;
    this.next = first;
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  get number(): number {
    return this.next;
  }

  /** @returns the p99 of those that were due since the last call, in ms. */
  async p99Ms(): Promise<number> {
    const { latenciesMs } = this;
    this.latenciesMs = [];
    // Those under way belong to it.
    await sleep(1_000);
    const sorted = latenciesMs.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const due = this.first + Math.floor(((performance.now() - this.begunAt) * OPENS_PER_SECOND) / 1_000);
    while (this.next < due) void this.open(this.next++, this.latenciesMs);
  }

  private async open(number: number, latenciesMs: number[]): Promise<void> {
    const dueAt = this.begunAt + ((number - this.first) * 1_000) / OPENS_PER_SECOND;
    const owner = { nodeId: nodeOf(number), connection: number };
    const session = scaleSession(number, streamOf);
    try {
      await this.bed.storeOf(number).sessions.open({ ...session, owner, leaseMs: LONG_MS, intent: 'fresh' });
    } catch {
      this.failed += 1;
    }
    latenciesMs.push(performance.now() - dueAt);
  }
}

/** @param from number of the first session that the bench has not used yet. */
async function loseNode(bed: ScaleBed, from: number, sweepers: number, size: number): Promise<[Figure[], number]> {
  const [lost, at] = [Math.min(LOST, size), sizeText(size)];
  await bed.fill({ from, count: lost, streamOf, nodeOf: () => `${LOST_NODE}${sweepers}` });
  progress(`${sweepers} sweepers, opens at rest`);
  const nodes = await ScaleNodes.start({ url: bed.url, shards: SHARDS, nodes: sweepers, sweepMs: SWEEP_MS });
  const opens = new Opens(bed, from + lost);
  try {
    if (nodes.joined < sweepers) throw new Error(`only ${nodes.joined} of ${sweepers} nodes could join`);
    await sleep(SWEEP_MS);
    opens.latenciesMs = [];
    await sleep(AT_REST_MS);
    const atRestMs = await opens.p99Ms();
    // Its lease begins only now, so that the filling does not count.
    const { now } = await bed.storeOf(0).nodes.join(`${LOST_NODE}${sweepers}`, LOST_LEASE_MS);
    const lapsesAt = now + LOST_LEASE_MS;
    await sleep(Math.max(0, lapsesAt - Date.now()));
    progress(`${sweepers} sweepers, the node is lost`);
    opens.latenciesMs = [];
    const before = nodes.ended;
    const begunAt = Date.now();
    const cost = await bed.cost(async () => {
      while (nodes.ended - before < lost && Date.now() - begunAt < HOPELESS_MS) await sleep(POLL_MS);
    });
    const meanwhileMs = await opens.p99Ms();
    const isOver = nodes.ended - before >= lost;
    const of = (what: string): string => `${at}: node of ${sizeText(lost)} lost, ${sweepers} sweepers: ${what}`;
    const goneMs = isOver ? nodes.endedAt - lapsesAt : Number.POSITIVE_INFINITY;
    const figures = [
      { what: of('last ghost gone after the lease'), value: goneMs / 1_000, unit: 's' },
      { what: of('Redis CPU, opens included'), value: cost.redisUs / 1e6, unit: 's' },
      { what: of('open at rest, p99'), value: atRestMs, unit: 'ms' },
      { what: of('open meanwhile, p99'), value: meanwhileMs, unit: 'ms' },
      { what: of('opens that failed'), value: opens.failed, unit: '', target: '0' },
      { what: of('that is times slower'), value: meanwhileMs / atRestMs, unit: '', target: `≤ ${TIMES_SLOWER}` },
    ];
    return [figures, opens.number];
  } finally {
    opens.stop();
    await nodes.stop();
  }
}

/** The next number of a user's first session: of six sessions, the last is of the user of the one before. */
function nextFirst(number: number): number {
  return Math.ceil(number / 6) * 6;
}

export async function scaleLoss(size: number): Promise<Figure[]> {
  return ScaleBed.during(async (bed) => {
    const figures: Figure[] = [];
    await bed.fill({ count: size, streamOf });
    progress('opens without sweepers');
    const alone = new Opens(bed, nextFirst(size));
    try {
      await sleep(AT_REST_MS);
      const what = `${sizeText(size)}: open at rest without sweepers, p99`;
      figures.push({ what, value: await alone.p99Ms(), unit: 'ms' });
    } finally {
      alone.stop();
    }
    let from = alone.number;
    for (const sweepers of SWEEPERS) {
      const [some, next] = await loseNode(bed, nextFirst(from), sweepers, size);
      figures.push(...some);
      from = next;
    }
    return figures;
  });
}
