import { createMemoryStore } from './memory-fixture.ts';
import { presenceModelSuite } from './model/model.ts';

presenceModelSuite('the memory store', createMemoryStore, { seeds: 200, steps: 120 });
