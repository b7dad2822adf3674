/** A memory store on a clock that the test steps. */
import { MemoryStore } from '../../../presence-core/memory/memory-store.ts';
import type { ContractOptions, ContractStore } from './store-fixture.ts';

export async function createMemoryStore(options: ContractOptions = {}): Promise<ContractStore> {
  let now = 1_750_000_000_000;
  const store = new MemoryStore({ ...options, clock: () => now });
  await store.start();
  return {
    store,
    second: async () => store,
    advance: async (ms) => {
      now += ms;
    },
    stop: () => store.stop(),
  };
}
