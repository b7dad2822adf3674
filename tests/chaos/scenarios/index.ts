/** All that is done to the product, in the order in which it is run. */
import { CLUSTER } from './cluster.ts';
import { GATEWAYS } from './gateways.ts';
import { ONE_REDIS } from './redis.ts';
import type { Scenario } from './scenario.ts';
import { SENTINEL } from './sentinel.ts';

export const SCENARIOS: readonly Scenario[] = [...GATEWAYS, ...ONE_REDIS, ...SENTINEL, ...CLUSTER];
