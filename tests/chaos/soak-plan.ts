/** What is done in the rounds of a long run: scenarios on one Redis that need no rig of their own. */
import { GATEWAYS } from './scenarios/gateways.ts';
import { ONE_REDIS } from './scenarios/redis.ts';
import type { Scenario } from './scenarios/scenario.ts';

const GAP_MS = 4_000;

export interface Round {
  readonly name: string;
  readonly faults: readonly Scenario[];
  /** After the first began, where they run together; else between them. */
  readonly gapMs: number;
  readonly isTogether: boolean;
}

const isCommon = ({ isAlone }: Scenario): boolean => !isAlone;

/** @param random of the plan alone. */
export function nextRound(random: () => number): Round {
  const one = (list: readonly Scenario[]): Scenario => list[Math.floor(random() * list.length)] as Scenario;
  const [ofGateway, ofRedis, order, gap] = [
    one(GATEWAYS.filter(isCommon)),
    one(ONE_REDIS.filter(isCommon)),
    random(),
    random(),
  ];
  const gapMs = GAP_MS * gap;
  // Whoever was gone with its gateway and is in the older data stays for 31 s: longer than a round is watched.
  const lasts = ofGateway.name === 'gateway-kill' && ofRedis.name === 'redis-older-snapshot';
  const both = order < 0.5 ? [ofGateway, ofRedis] : [ofRedis, ofGateway];
  const pair = lasts ? [ofRedis] : both;
  const isTogether = order < 0.25 || order > 0.75;
  const name = pair.map((fault) => fault.name).join(isTogether ? ' with ' : ', then ');
  return { name, faults: pair, gapMs, isTogether };
}
