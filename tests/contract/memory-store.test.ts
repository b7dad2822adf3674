import { createMemoryStore } from './memory-stage.ts';
import { presenceStoreContract } from './presence-store-contract.ts';

presenceStoreContract('the memory store', createMemoryStore);
