import { createMemoryStore } from './memory-fixture.ts';
import { presenceStoreContract } from './store-contract.ts';

presenceStoreContract('the memory store', createMemoryStore);
