import { createMemoryStore } from './memory-stage.ts';
import { presenceModelSuite } from './presence-model.ts';

presenceModelSuite('the memory store', createMemoryStore, { runs: 150, steps: 120 });
