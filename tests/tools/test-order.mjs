/**
 * The order of test files: those that take longest begin, so that none of them is alone at the end; and models, which need
 * the processor all the time, run in processes that are new: one that has run many files is several times slower.
 */
import { statSync } from 'node:fs';
import Sequencer from '@jest/test-sequencer';

const FIRST = [
  'tests/unit/nodes-model.test.ts',
  'tests/contract/store/redis.test.ts',
  'tests/contract/store/redis-cluster.test.ts',
  'tests/contract/http/uws.test.ts',
  'tests/contract/store/redis-model.test.ts',
  'tests/contract/store/memory-model.test.ts',
];

/** The lower, the earlier. */
function rankOf(path) {
  const rank = FIRST.findIndex((name) => path.endsWith(name));
  return rank < 0 ? FIRST.length : rank;
}

// biome-ignore lint/style/noDefaultExport: Jest loads a sequencer by it.
export default class TestOrder extends Sequencer {
  sort(tests) {
    const sizes = new Map(tests.map(({ path }) => [path, statSync(path).size]));
    return [...tests].sort((a, b) => rankOf(a.path) - rankOf(b.path) || sizes.get(b.path) - sizes.get(a.path));
  }
}
