/** All that is done to the product, in the order in which it is run. */
import { CLOCKS } from './clocks.ts';
import { CLUSTER } from './cluster.ts';
import { GATEWAYS } from './gateways.ts';
import { OPERATION } from './operation.ts';
import { ONE_REDIS } from './redis.ts';
import type { Scenario } from './scenario.ts';
import { SENTINEL } from './sentinel.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...GATEWAYS,
  ...ONE_REDIS,
  ...CLOCKS,
  ...OPERATION,
  ...SENTINEL,
  ...CLUSTER,
];
