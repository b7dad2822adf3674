import { createMemoryStore } from './memory-fixture.ts';
import { presenceModelSuite } from './model/model.ts';

presenceModelSuite('the memory store', createMemoryStore, { runs: 150, steps: 120 });
